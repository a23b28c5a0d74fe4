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
from .job import Job
from .operations import BulkJob, JobView, QueueMeta, RateLimit
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
from .queue import AsyncQueue, Queue

__all__ = [
    "AsyncQueue",
    "AsyncQueueEvents",
    "Backoff",
    "BulkJob",
    "BullrushError",
    "Completed",
    "Deduplication",
    "DelayedError",
    "Event",
    "Failed",
    "Job",
    "JobFailed",
    "JobNotFound",
    "JobOptions",
    "JobView",
    "Keep",
    "Moved",
    "Outcome",
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
