"""One job: what it is, what became of each attempt, and why it waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response

from bullrush.core import Job, Queue
from bullrush.core.calls import Batch, Call, run
from bullrush.core.clock import now_ms
from bullrush.core.errors import BullrushError
from bullrush.core.job import id_bytes
from bullrush.core.keys import split_base, split_job_key

from ..access.guarding import needs
from ..access.roles import Role
from ..binding import current_binding
from .looking import data_of, is_job_id, is_retrying, log_of, progress_of, redaction, result_of
from .page import asked, missing, page
from .queue_page import find_queue, snapshot_of
from .reasons import reasons

#: Rows of the log that a page shows, the newest.
LOG_ROWS = 500


@dataclass(frozen=True)
class Attempt:
    """One run. `stack` is empty for one that did not fail, or whose text was not kept."""

    number: int
    state: str
    stack: str


@dataclass(frozen=True)
class Place:
    """Where a job stands in its queue."""

    ahead: int = 0
    due: int | None = None
    rate_limited: int = 0


@needs(Role.READ)
def job() -> Response:
    """Everything of one job."""
    queue, job_id = find_queue(asked("queue")), asked("id")
    view = queue.view(job_id) if queue is not None and is_job_id(job_id) else None
    if queue is None or view is None or view.job is None:
        return missing(f"There is no job {job_id!r} in {asked('queue')!r}")
    found, snapshot, now = view.job, snapshot_of(queue), now_ms()
    place, children = _place(queue, found, view.state), queue.get_dependencies_count(job_id)
    rows = queue.get_logs(job_id, 0, LOG_ROWS - 1, ascending=False)[::-1]
    why = reasons(
        view.state,
        found,
        snapshot,
        now=now,
        ahead=place.ahead,
        due=place.due,
        rate_limited=place.rate_limited,
        children=children,
    )
    return page(
        "job.html",
        f"{found.name} {found.id}",
        queue=snapshot,
        job=found,
        state=view.state,
        retrying=view.state == "delayed" and is_retrying(found),
        attempts=attempts_of(found, view.state),
        data=data_of(found),
        result=result_of(found),
        options=redaction()(found.opts),
        progress=progress_of(found),
        reason=redaction().text(found.failed_reason or ""),
        logs=log_of(rows),
        log_count=queue.get_logs_count(job_id),
        children=children,
        parent=_parent(found),
        due=place.due,
        why=why,
    )


def attempts_of(job: Job, state: str) -> list[Attempt]:
    """Its runs, oldest first. Only the newest stacks are kept of a job with many."""
    stacks = [redaction().text(stack) for stack in job.stacktrace]
    made = max(job.attempts_made, len(stacks))
    ended_well = state == "completed"
    failures = made - ended_well if made else 0
    first_kept = failures - len(stacks)
    found = []
    for index in range(max(0, failures - 100), failures):
        kept = index >= first_kept
        found.append(Attempt(index + 1, "failed", stacks[index - first_kept] if kept else ""))
    if ended_well:
        found.append(Attempt(failures + 1, "completed", ""))
    if state == "active":
        found.append(Attempt(made + 1, "active", ""))
    return found


def _place(queue: Queue, job: Job, state: str) -> Place:
    """Where it stands; nothing is asked of a job that is not on its way."""
    if state not in ("waiting", "prioritized", "delayed"):
        return Place()
    keys, member = queue.keys, id_bytes(job.id)
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


def _parent(job: Job) -> tuple[str, str] | None:
    """(queue, id) of its parent, when that is under the same prefix."""
    if not job.parent_key:
        return None
    base, parent_id = split_job_key(job.parent_key)
    prefix, queue = split_base(base)
    own = current_binding().settings.prefix
    return (queue, parent_id) if prefix == own and queue and parent_id else None
