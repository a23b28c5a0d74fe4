"""BullMQ in Python: queues on Redis that Node BullMQ shares. Knows nothing of Celery or Flask."""

from .errors import (
    BullrushError,
    DelayedError,
    JobFailed,
    JobNotFound,
    RateLimitError,
    UnrecoverableError,
    WaitingChildrenError,
    WaitingError,
    WaitTimeout,
)
from .event_stream import Event
from .events import AsyncQueueEvents, QueueEvents
from .flow import AsyncFlowProducer, FlowProducer
from .job import Job
from .operations import (
    BulkJob,
    Dependencies,
    Dependency,
    DependencyPage,
    JobScheduler,
    JobView,
    Metrics,
    MetricsMeta,
    MetricsTime,
    Page,
    QueueMeta,
)
from .options import Backoff, Deduplication, JobOptions, Keep
from .outcome import (
    Completed,
    Failed,
    Moved,
    Outcome,
    Postponed,
    RateLimited,
    RawJson,
    Retried,
    Returned,
)
from .parents import Parent
from .planting import FlowJob, JobNode
from .publishing import AsyncQueueEventsProducer, QueueEventsProducer
from .queue import AsyncQueue, Queue
from .telemetry import Telemetry
from .trip import Limiter
from .watching import register_queue_telemetry

__all__ = [
    "AsyncFlowProducer",
    "AsyncQueue",
    "AsyncQueueEvents",
    "AsyncQueueEventsProducer",
    "Backoff",
    "BulkJob",
    "BullrushError",
    "Completed",
    "Deduplication",
    "DelayedError",
    "Dependencies",
    "Dependency",
    "DependencyPage",
    "Event",
    "Failed",
    "FlowJob",
    "FlowProducer",
    "Job",
    "JobFailed",
    "JobNode",
    "JobNotFound",
    "JobOptions",
    "JobScheduler",
    "JobView",
    "Keep",
    "Limiter",
    "Metrics",
    "MetricsMeta",
    "MetricsTime",
    "Moved",
    "Outcome",
    "Page",
    "Parent",
    "Postponed",
    "Queue",
    "QueueEvents",
    "QueueEventsProducer",
    "QueueMeta",
    "RateLimitError",
    "RateLimited",
    "RawJson",
    "Retried",
    "Returned",
    "Telemetry",
    "UnrecoverableError",
    "WaitTimeout",
    "WaitingChildrenError",
    "WaitingError",
    "register_queue_telemetry",
]
