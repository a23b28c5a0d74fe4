"""Actions on a queue as a whole that take no job away."""

from __future__ import annotations

from pydantic import Field
from werkzeug.exceptions import UnprocessableEntity

from bullrush.core.snapshot import QueueSnapshot, take

from .models import Answer, Body
from .places import all_queues
from .routing import Asked, Routes

ROUTES = Routes()
_QUEUE = "/admin/queues/<path:queue>"


class RateLimit(Answer):
    """How many jobs may start in which time."""

    max: int
    duration: int = Field(description="ms")


class QueueState(Answer):
    """How a queue stands."""

    name: str
    counts: dict[str, int]
    paused: bool
    oldest_waiting: float | None = Field(description="s for which the oldest job has waited")
    oldest_waiting_id: str | None
    overdue: float | None = Field(description="s for which due jobs have not been let in")
    workers: int
    slots: int
    busy: int
    concurrency: int | None = Field(description="how many jobs may be active at once")
    rate_limit: RateLimit | None
    completed_per_minute: int | None
    failed_per_minute: int | None
    broken: str | None = Field(description="why it cannot be read")


class AllQueues(Answer):
    """How every queue stands."""

    queues: list[QueueState]


class Concurrency(Body):
    """A limit over all workers."""

    concurrency: int | None = Field(ge=1, le=2**31, description="null: no limit")


class Rate(Body):
    """A limit over all workers; null for both: no limit."""

    max: int | None = Field(ge=1, le=2**31)
    duration: int | None = Field(ge=1, le=2**41, description="ms")


@ROUTES.get("/admin/overview")
def show_overview(asked: Asked) -> AllQueues:
    """How every queue stands, read in two round trips."""
    binding = asked.binding
    names = [queue.name for queue in all_queues(binding)]
    shots = take(binding.driver, binding.settings.prefix, names)
    return AllQueues(queues=[state_of(shot) for shot in shots])


@ROUTES.get(_QUEUE)
def show_one_queue(asked: Asked) -> QueueState:
    """How one queue stands."""
    return _state(asked)


@ROUTES.action(f"{_QUEUE}/pause")
def pause_queue(asked: Asked) -> QueueState:
    """No worker takes jobs of the queue from now on; running jobs go on."""
    asked.queue.pause()
    return _state(asked)


@ROUTES.action(f"{_QUEUE}/resume")
def resume_queue(asked: Asked) -> QueueState:
    """Let workers take jobs again."""
    asked.queue.resume()
    return _state(asked)


@ROUTES.action(f"{_QUEUE}/concurrency", method="PUT")
def set_concurrency(asked: Asked, body: Concurrency) -> QueueState:
    """Let at most so many jobs be active at once, over all workers."""
    if body.concurrency is None:
        asked.queue.remove_global_concurrency()
    else:
        asked.queue.set_global_concurrency(body.concurrency)
    return _state(asked)


@ROUTES.action(f"{_QUEUE}/rate-limit", method="PUT")
def set_rate_limit(asked: Asked, body: Rate) -> QueueState:
    """Let at most so many jobs start within a time, over all workers."""
    if body.max is None and body.duration is None:
        asked.queue.remove_global_rate_limit()
    elif body.max is None or body.duration is None:
        raise UnprocessableEntity("max, duration: give both, or null for both")
    else:
        asked.queue.set_global_rate_limit(body.max, body.duration)
    return _state(asked)


def state_of(shot: QueueSnapshot) -> QueueState:
    """A snapshot as it is shown."""
    limit = shot.rate_limit
    names = (
        "name",
        "paused",
        "oldest_waiting",
        "oldest_waiting_id",
        "overdue",
        "slots",
        "busy",
        "concurrency",
        "completed_per_minute",
        "failed_per_minute",
        "broken",
    )
    return QueueState(
        counts=dict(shot.counts),
        workers=shot.worker_count,
        rate_limit=RateLimit(max=limit.max, duration=limit.duration) if limit else None,
        **{name: getattr(shot, name) for name in names},
    )


def _state(asked: Asked) -> QueueState:
    (shot,) = take(asked.binding.driver, asked.binding.settings.prefix, [asked.queue.name])
    return state_of(shot)
