"""The operations of a queue, a module for each subject; each is defined once for both faces."""

from .adding import AddingOperations, BulkJob
from .children import ChildOperations, Dependencies, Dependency, DependencyPage, Page
from .clearing import ClearingOperations
from .clients import ClientOperations
from .counting import CountingOperations
from .deduplication import DeduplicationOperations
from .driving import DrivingOperations, FetchOptions, FinishOptions
from .editing import EditingOperations
from .jobs import JobOperations
from .keeping import KeepingOperations, Restored, TakenAway
from .limits import LimitOperations
from .listing import ListingOperations
from .looking import JobView, LookingOperations
from .metrics import Metrics, MetricsMeta, MetricsOperations, MetricsTime
from .orphans import OrphanOperations
from .schedulers import JobScheduler, SchedulerOperations
from .states import STATES
from .steering import QueueMeta, SteeringOperations

__all__ = [
    "STATES",
    "BulkJob",
    "Dependencies",
    "Dependency",
    "DependencyPage",
    "FetchOptions",
    "FinishOptions",
    "JobScheduler",
    "JobView",
    "Metrics",
    "MetricsMeta",
    "MetricsTime",
    "Page",
    "QueueMeta",
    "QueueOperations",
    "Restored",
    "TakenAway",
]


class QueueOperations(
    SchedulerOperations,
    AddingOperations,
    LookingOperations,
    OrphanOperations,
    ListingOperations,
    MetricsOperations,
    CountingOperations,
    EditingOperations,
    JobOperations,
    DeduplicationOperations,
    DrivingOperations,
    LimitOperations,
    KeepingOperations,
    ClearingOperations,
    SteeringOperations,
    ClientOperations,
    ChildOperations,
):
    """All of them. Use `Queue` or `AsyncQueue`."""
