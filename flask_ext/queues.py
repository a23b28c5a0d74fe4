"""The queues of the active application, as plain functions."""

from __future__ import annotations

from typing import Any, TypeVar

from typing_extensions import Unpack

from bullrush.core import Job, Queue, QueueEvents
from bullrush.core.errors import BullrushError, QueueNotReady
from bullrush.core.options import JobOptions

from .binding import current_binding
from .services import QueueService

S = TypeVar("S", bound=QueueService)

#: The states of `get_queue_stats`.
_STATES = ("waiting", "active", "completed", "failed", "delayed")


def get_queue_service(name: str) -> QueueService:
    """The service of that queue, or of that alias; the same object every time.

    Raises:
        InvalidQueueName: the name cannot be part of a key.
        RuntimeError: no application context, or an application without the extension. So do all
            functions here.
    """
    return current_binding().service(QueueService, name)


def create_queue(name: str) -> Queue:
    """The queue of that name; the same object every time. All share one set of connections."""
    return current_binding().queue(name)


get_queue = create_queue


def create_queue_events(name: str) -> QueueEvents:
    """A new reader of a queue's events, on the connections of the application; not started."""
    binding = current_binding()
    return QueueEvents(name, driver=binding.driver, prefix=binding.settings.prefix)


def assert_queue_is_ready(name: str) -> None:
    """For the start of a program: fail at once when nothing can be added.

    Raises:
        QueueNotReady: Redis cannot be reached, refuses the login, or has something else there.
    """
    try:
        create_queue(name).get_job_counts()
    except BullrushError as error:
        raise QueueNotReady(f"the queue {name!r} is not ready: {error}") from error


def add_job(queue: str, name: str, data: Any = None, **options: Unpack[JobOptions]) -> Job:
    """Add a job; see `QueueService.add`."""
    return get_queue_service(queue).add(name, data, **options)


def get_queue_stats(name: str) -> dict[str, int]:
    """Five counts. A job with a priority waits as well."""
    counts = create_queue(name).get_job_counts()
    counts["waiting"] += counts["prioritized"]
    return {state: counts[state] for state in _STATES}


def pause_queue(name: str) -> None:
    """Let no worker take a job until `resume_queue`."""
    create_queue(name).pause()


def resume_queue(name: str) -> None:
    """Let workers take jobs again."""
    create_queue(name).resume()


def clean_queue(name: str, grace_ms: int, limit: int = 0, type: str = "completed") -> list[str]:
    """Take away jobs of one kind that are older than that; see `Queue.clean`."""
    return create_queue(name).clean(grace_ms, limit, type)


def close_queues() -> None:
    """Stop the workers of this process, and close the connections of the application."""
    current_binding().close()
