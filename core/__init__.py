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
from .events import AsyncQueueEvents, Event, QueueEvents
from .flow import AsyncFlowProducer, FlowJob, FlowProducer, JobNode
from .job import Job
from .operations import (
    BulkJob,
    Dependencies,
    Dependency,
    DependencyPage,
    JobView,
    Page,
    QueueMeta,
    RateLimit,
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
from .queue import AsyncQueue, Queue

__all__ = [
    "AsyncFlowProducer",
    "AsyncQueue",
    "AsyncQueueEvents",
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
    "JobView",
    "Keep",
    "Moved",
    "Outcome",
    "Page",
    "Parent",
    "Postponed",
    "Queue",
    "QueueEvents",
    "QueueMeta",
    "RateLimit",
    "RateLimitError",
    "RateLimited",
    "RawJson",
    "Retried",
    "Returned",
    "UnrecoverableError",
    "WaitTimeout",
    "WaitingChildrenError",
    "WaitingError",
]
