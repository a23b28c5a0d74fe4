"""The operations of a queue, a module for each subject; each is defined once for both faces."""

from .adding import AddingOperations, BulkJob
from .clearing import ClearingOperations
from .jobs import JobOperations
from .looking import STATES, JobView, LookingOperations
from .steering import SteeringOperations

__all__ = ["STATES", "BulkJob", "JobView", "QueueOperations"]


class QueueOperations(
    AddingOperations, LookingOperations, JobOperations, SteeringOperations, ClearingOperations
):
    """All of them. Use `Queue` or `AsyncQueue`."""
