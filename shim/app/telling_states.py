"""States that are told of tasks that somebody else runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bullrush.core.errors import JobNotFound

from ..ids import job_id_of

if TYPE_CHECKING:
    from .base import Celery


def tell_state(app: Celery, task_id: str, told: dict[str, Any]) -> None:
    """Store a state of the task with that id, in whatever queue it is.

    Raises:
        JobNotFound: it is in none that the application knows.
    """
    for name in app.known_queues():
        for job_id in dict.fromkeys((job_id_of(task_id), task_id)):
            try:
                return app.queue(name).update_progress(job_id, told)
            except JobNotFound:
                continue
    raise JobNotFound(f"update_state: there is no task {task_id!r} in the queues known here")
