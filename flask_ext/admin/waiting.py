"""Why a job is where it is, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from bullrush.core import Job, Queue
from bullrush.core.calls import Batch, Call, run
from bullrush.core.clock import now_ms
from bullrush.core.errors import BullrushError
from bullrush.core.job import id_bytes
from bullrush.core.operations import JobView
from bullrush.core.snapshot import QueueSnapshot

from ..words import age, clock, count
from .models import Answer

#: The states in which a job is on its way.
_WAITING = ("waiting", "prioritized", "delayed")


class Reason(Answer):
    """Why a job does not run now, or what became of it."""

    code: str = Field(description="a word for programs")
    text: str = Field(description="a sentence for people")


@dataclass(frozen=True)
class Place:
    """Where a job stands in its queue.

    Args:
        ahead: jobs that start before it.
        due: when a delayed job may start, Unix ms.
        rate_limited: ms until the next job of the queue may start.
    """

    ahead: int = 0
    due: int | None = None
    rate_limited: int = 0


def place_of(queue: Queue, view: JobView) -> Place:
    """Where it stands; nothing is asked of a job that is not on its way.

    Raises:
        ConnectionFailed: Redis did not answer.
    """
    if view.job is None or view.state not in _WAITING:
        return Place()
    keys, member = queue.keys, id_bytes(view.job.id)
    calls: list[Call[Any]] = [
        Call(("LLEN", keys.wait), int),
        Call(("LPOS", keys.wait, member), _none_or_int),
        Call(("ZRANK", keys.prioritized, member), _none_or_int),
        Call(("ZSCORE", keys.delayed, member), _due),
    ]
    waiting, position, rank, due = run(queue.driver, Batch(calls, list))
    ahead = 0
    if position is not None:
        ahead = waiting - 1 - position
    elif rank is not None:
        ahead = waiting + rank
    return Place(ahead, due, _rate_limited(queue))


def reasons(
    view: JobView,
    queue: QueueSnapshot,
    place: Place,
    children: Mapping[str, int],
    now: int | None = None,
) -> list[Reason]:
    """Every reason there is, what matters most first; none for a job that may start at any moment,
    and none for one that has completed.

    Args:
        view: the job and its state.
        queue: how its queue stands.
        place: where it stands.
        children: kind -> number of its children.
        now: Unix ms; by default the time it is.
    """
    job, state, now = view.job, view.state, now_ms() if now is None else now
    if job is None:
        return []
    if state in _WAITING:
        delayed = _delayed(job, queue, place, now) if state == "delayed" else []
        return [*delayed, *_held(queue, place), *_line(job, state, queue, place)]
    ended = {
        "waiting-children": lambda: _children(children),
        "active": lambda: _active(job, now),
        "failed": lambda: _failed(job),
        "unknown": lambda: _reason(
            "orphan", "No list of the queue holds it: it was lost, and is found among orphans."
        ),
    }
    return [ended[state]()] if state in ended else []


def _delayed(job: Job, queue: QueueSnapshot, place: Place, now: int) -> list[Reason]:
    left = (place.due or now) - now
    when = f"at {clock(place.due)} UTC" + (f", in {age(left / 1000)}" if left > 0 else "")
    if job.attempts_made:
        text = f"Attempt {job.attempts_made} failed; it is tried again {when}."
        found = [_reason("retry", text)]
    else:
        found = [_reason("delay", f"It is to start {when}.")]
    if left <= 0:
        text = f"It has been due for {age(-left / 1000)}: no worker has let it in yet."
        found.append(_reason("overdue", text))
    elif queue.overdue:
        text = f"Due jobs have not been let in for {age(queue.overdue)}: no worker does it."
        found.append(_reason("overdue", text))
    return found


def _held(queue: QueueSnapshot, place: Place) -> list[Reason]:
    """What holds the queue as a whole."""
    found = []
    if queue.paused:
        found.append(_reason("paused", "The queue is paused."))
    if not queue.worker_count and queue.connected is not None:
        found.append(_reason("no-workers", "No worker serves this queue."))
    elif queue.workers and not queue.other_workers and all(each.paused for each in queue.workers):
        found.append(_reason("workers-paused", "All its workers are paused."))
    if queue.concurrency is not None and queue.counts["active"] >= queue.concurrency:
        text = f"The queue runs at most {count(queue.concurrency)} at once, and does so now."
        found.append(_reason("concurrency", text))
    if queue.rate_limit is not None and place.rate_limited > 0:
        text = f"The rate limit lets the next start in {age(place.rate_limited / 1000)}."
        found.append(_reason("rate-limit", text))
    return found


def _line(job: Job, state: str, queue: QueueSnapshot, place: Place) -> list[Reason]:
    """What goes before it."""
    if state == "delayed":
        return []
    found = []
    if state == "prioritized" and queue.counts["waiting"]:
        text = f"Its priority is {job.priority}; jobs without one go first, then 1, 2, …"
        found.append(_reason("behind", text))
    if queue.slots and not queue.other_workers and queue.busy >= queue.slots:
        found.append(_reason("busy", f"All {count(queue.slots)} slots of its workers are taken."))
    if place.ahead:
        jobs = "job starts" if place.ahead == 1 else "jobs start"
        found.append(_reason("line", f"{count(place.ahead)} {jobs} before it."))
    return found


def _children(children: Mapping[str, int]) -> Reason:
    pending, failed = children.get("unprocessed", 0), children.get("failed", 0)
    done = sum(children.values()) - pending
    if done:
        of = f"{count(pending)} of its {count(pending + done)} children"
    else:
        of = "1 child" if pending == 1 else f"{count(pending)} children"
    failures = f"; {count(failed)} failed" if failed else ""
    return _reason("children", f"It waits for {of}{failures}.")


def _active(job: Job, now: int) -> Reason:
    by = f" in {job.processed_by}" if job.processed_by else ""
    taken = age((now - (job.processed_on or now)) / 1000)
    return _reason("active", f"It is running{by}, for {taken}.")


def _failed(job: Job) -> Reason:
    made = "1 attempt" if job.attempts_made == 1 else f"{job.attempts_made} attempts"
    text = f"It has failed after {made} of {max(1, job.attempts)}; only a person runs it again."
    return _reason("failed", text)


def _reason(code: str, text: str) -> Reason:
    return Reason(code=code, text=text)


def _rate_limited(queue: Queue) -> int:
    try:
        return max(0, queue.get_rate_limit_ttl())
    except BullrushError:
        return 0


def _none_or_int(reply: int | None) -> int | None:
    return reply


def _due(score: bytes | None) -> int | None:
    """A score has the time above a sequence number (protocol 1.2)."""
    return None if score is None else int(float(score)) // 4096
