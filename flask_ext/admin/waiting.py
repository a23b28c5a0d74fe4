"""Why a job is where it is, in words."""

from __future__ import annotations

from pydantic import Field

from bullrush.core import Job, Queue
from bullrush.core.clock import now_ms
from bullrush.core.operations import JobView
from bullrush.core.snapshot import QueueSnapshot, take

from ..binding import Binding
from .models import Answer


class Reason(Answer):
    """Why a job does not run now, or what became of it."""

    code: str = Field(description="a word for programs")
    text: str = Field(description="a sentence for people")


def reasons_of(
    binding: Binding, queue: Queue, view: JobView, children: dict[str, int]
) -> list[Reason]:
    """Every reason there is, what matters most first; none for a job that may start at any moment.

    Args:
        view: the job and its state.
        children: of the job, by what became of them.
    """
    job, state = view.job, view.state
    if job is None:
        return []
    if state in ("waiting", "prioritized", "delayed"):
        (shot,) = take(binding.driver, binding.settings.prefix, [queue.name])
        found = [*_delayed(job, shot)] if state == "delayed" else []
        return [*found, *_held(queue, shot), *_busy(shot, state)]
    if state == "waiting-children":
        pending = children.get("unprocessed", 0)
        return [_reason("children", f"It waits for {_many(pending, 'child', 'children')}.")]
    if state == "active":
        return [_active(job)]
    if state == "failed":
        return [_failed(job)]
    if state == "unknown":
        text = "No list of the queue holds it: it was lost, and is found by looking for orphans."
        return [_reason("orphan", text)]
    return []


def _delayed(job: Job, shot: QueueSnapshot) -> list[Reason]:
    last = max(job.processed_on or 0, job.timestamp)
    left = last + job.delay - now_ms()
    when = f"in about {_span(left)}" if left > 0 else "now"
    if job.attempts_made:
        text = f"Attempt {job.attempts_made} failed; the next one is due {when}."
        found = [_reason("retry", text)]
    else:
        found = [_reason("delay", f"It was added for later: it is due {when}.")]
    if shot.overdue:
        text = f"Due jobs are not let in since {_span(shot.overdue * 1000)}: no worker does it."
        found.append(_reason("overdue", text))
    return found


def _held(queue: Queue, shot: QueueSnapshot) -> list[Reason]:
    """What holds the queue as a whole."""
    found = []
    if shot.paused:
        found.append(_reason("paused", "The queue is paused."))
    if not shot.worker_count:
        found.append(_reason("no-workers", "No worker serves the queue."))
    elif shot.workers and not shot.other_workers and all(each.paused for each in shot.workers):
        found.append(_reason("workers-paused", "All workers of the queue are paused."))
    active = shot.counts["active"]
    if shot.concurrency is not None and active >= shot.concurrency:
        text = f"{active} jobs are active, as many as the queue's concurrency allows."
        found.append(_reason("concurrency", text))
    if shot.rate_limit is not None:
        left = queue.get_rate_limit_ttl()
        if left > 0:
            text = f"The queue's rate limit is used up for {_span(left)}."
            found.append(_reason("rate-limit", text))
    return found


def _busy(shot: QueueSnapshot, state: str) -> list[Reason]:
    if state == "delayed":
        return []
    found = []
    if state == "prioritized" and shot.counts["waiting"]:
        text = f"{shot.counts['waiting']} jobs without a priority run first."
        found.append(_reason("behind", text))
    if shot.slots and not shot.other_workers and shot.busy >= shot.slots:
        found.append(_reason("busy", f"All {shot.slots} slots of the workers are taken."))
    if not found and shot.waiting > 1:
        found.append(_reason("line", f"It stands in line: {shot.waiting} jobs wait."))
    return found


def _active(job: Job) -> Reason:
    by = f" by {job.processed_by}" if job.processed_by else ""
    since = _span(now_ms() - (job.processed_on or now_ms()))
    return _reason("active", f"It runs since {since}{by}.")


def _failed(job: Job) -> Reason:
    text = f"It failed after {_many(job.attempts_made, 'attempt')} of {max(1, job.attempts)}."
    return _reason("failed", text)


def _reason(code: str, text: str) -> Reason:
    return Reason(code=code, text=text)


def _many(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _span(ms: float) -> str:
    """A span of time as people say it."""
    seconds = max(0, round(ms / 1000))
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return _many(seconds // size, unit)
    return _many(seconds, "second")
