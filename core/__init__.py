"""BullMQ in Python: queues on Redis that Node BullMQ shares. Knows nothing of Celery or Flask."""

from .errors import BullrushError, JobFailed, JobNotFound, UnrecoverableError, WaitTimeout
from .events import AsyncQueueEvents, Event, QueueEvents
from .job import Job
from .operations import BulkJob, JobView, QueueMeta, RateLimit
from .options import Backoff, Deduplication, JobOptions, Keep
from .outcome import Completed, Failed, Outcome, Postponed, RawJson, Retried, Returned
from .queue import AsyncQueue, Queue

__all__ = [
    "AsyncQueue",
    "AsyncQueueEvents",
    "Backoff",
    "BulkJob",
    "BullrushError",
    "Completed",
    "Deduplication",
    "Event",
    "Failed",
    "Job",
    "JobFailed",
    "JobNotFound",
    "JobOptions",
    "JobView",
    "Keep",
    "Outcome",
    "Postponed",
    "Queue",
    "QueueEvents",
    "QueueMeta",
    "RateLimit",
    "RawJson",
    "Retried",
    "Returned",
    "UnrecoverableError",
    "WaitTimeout",
]
