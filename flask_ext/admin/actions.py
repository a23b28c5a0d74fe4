"""Actions on one job."""

from __future__ import annotations

from pydantic import Field
from werkzeug.exceptions import Conflict, NotFound

from bullrush.core.operations import JobView

from ..access.roles import Role
from .models import Answer, Body, Milliseconds
from .routing import Asked, Routes

ROUTES = Routes()
_JOB = "/admin/queues/<path:queue>/jobs/<path:job_id>"


class Acted(Answer):
    """What became of one job."""

    id: str
    state: str = Field(description="where the job is now; `removed` when it is gone")


class Retry(Body):
    """How a job runs again."""

    reset_attempts: bool = Field(False, description="count its attempts from 0 again")


class Remove(Body):
    """How a job is removed."""

    children: bool = Field(True, description="the jobs below it as well")


class Delay(Body):
    """When a delayed job runs."""

    delay: Milliseconds = Field(description="ms from now; 0: at once")


class Priority(Body):
    """Which job runs first."""

    priority: int = Field(ge=0, le=2**21 - 1, description="1 is first; 0: none, before every other")
    lifo: bool = Field(False, description="next of all jobs of that priority instead of last")


@ROUTES.action(f"{_JOB}/retry")
def retry_job(asked: Asked, body: Retry) -> Acted:
    """Run a failed or completed job again."""
    view = viewed(asked)
    if view.state not in ("failed", "completed"):
        raise Conflict(f"the job is {view.state}: only failed and completed jobs can run again")
    reset = body.reset_attempts
    asked.queue.retry_job(
        asked.job_id, view.state, reset_attempts_made=reset, reset_attempts_started=reset
    )
    return acted(asked)


@ROUTES.action(f"{_JOB}/promote")
def promote_job(asked: Asked) -> Acted:
    """Let a delayed job run now."""
    viewed(asked)
    asked.queue.promote(asked.job_id)
    return acted(asked)


@ROUTES.action(f"{_JOB}/delay")
def change_delay(asked: Asked, body: Delay) -> Acted:
    """Let a delayed job run at another time."""
    asked.queue.change_delay(asked.job_id, body.delay)
    return acted(asked)


@ROUTES.action(f"{_JOB}/priority")
def change_priority(asked: Asked, body: Priority) -> Acted:
    """Give a job another priority."""
    asked.queue.change_priority(asked.job_id, body.priority, lifo=body.lifo)
    return acted(asked)


@ROUTES.action(f"{_JOB}/remove", Role.ADMIN)
def remove_job(asked: Asked, body: Remove) -> Acted:
    """Take a job away for good."""
    viewed(asked)
    asked.queue.remove(asked.job_id, remove_children=body.children)
    asked.count = 1
    return Acted(id=asked.job_id, state="removed")


def viewed(asked: Asked) -> JobView:
    """The job that the path names, and where it is.

    Raises:
        NotFound: there is no such job.
    """
    view = asked.queue.view(asked.job_id)
    if view.job is None:
        raise NotFound(f"there is no job {asked.job_id[:100]!r}")
    return view


def acted(asked: Asked, job_id: str = "") -> Acted:
    """Where a job is after the action."""
    job_id = job_id or asked.job_id
    asked.count = 1
    return Acted(id=job_id, state=asked.queue.get_state(job_id))
