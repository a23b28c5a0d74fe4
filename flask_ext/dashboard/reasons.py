"""Why a job is not running: what is in its way, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bullrush.core.job import Job
from bullrush.core.snapshot import QueueSnapshot

from .words import age, clock, count

_HERE = {
    "completed": "It has completed.",
    "failed": "It has failed, and nothing will run it again unless somebody retries it.",
    "unknown": "It is in no state: something has taken its id out of the queue and left the job.",
}


def reasons(
    state: str,
    job: Job,
    queue: QueueSnapshot,
    *,
    now: int,
    ahead: int = 0,
    due: int | None = None,
    rate_limited: int = 0,
    children: Mapping[str, int] | None = None,
) -> list[str]:
    """What is in its way, the first thing first.

    Args:
        state: of the job.
        job: the job.
        queue: how its queue stands.
        now: Unix ms.
        ahead: jobs that start before it.
        due: when a delayed job may start, Unix ms.
        rate_limited: ms until the next job of the queue may start.
        children: kind -> number of its children.
    """
    if state == "active":
        by = f" in {job.processed_by}" if job.processed_by else ""
        taken = (now - (job.processed_on or now)) / 1000
        return [f"It is running{by}, for {age(taken)}."]
    if state in _HERE:
        return [_HERE[state]]
    if state == "waiting-children":
        return _children(children or {})
    found = _timing(state, job, due, now)
    if state == "delayed" and due is not None and due > now:
        return found
    return found + _queue(queue, rate_limited) + _line(state, job, ahead, queue)


def _timing(state: str, job: Job, due: int | None, now: int) -> list[str]:
    if state != "delayed" or due is None:
        return []
    retry = "It failed before and is tried again" if job.attempts_made else "It is to start"
    if due > now:
        return [f"{retry} at {clock(due)} UTC, in {age((due - now) / 1000)}."]
    return [f"It has been due for {age((now - due) / 1000)}: no worker has let it in yet."]


def _children(children: Mapping[str, int]) -> list[str]:
    pending, failed = children.get("unprocessed", 0), children.get("failed", 0)
    done = sum(children.values()) - pending
    found = [f"It waits for {count(pending)} of its {count(pending + done)} children."]
    if failed:
        found.append(f"{count(failed)} of them failed.")
    return found


def _queue(queue: QueueSnapshot, rate_limited: int) -> list[str]:
    found = []
    if queue.paused:
        found.append("The queue is paused.")
    if not queue.worker_count and queue.connected is not None:
        found.append("No worker serves this queue.")
    elif queue.workers and all(each.paused for each in queue.workers) and not queue.other_workers:
        found.append("All its workers are paused.")
    if queue.concurrency is not None and queue.counts["active"] >= queue.concurrency:
        found.append(f"The queue runs at most {count(queue.concurrency)} at once, and does so now.")
    if rate_limited > 0:
        found.append(f"The rate limit lets the next start in {age(rate_limited / 1000)}.")
    busy = queue.workers and not queue.other_workers and queue.counts["active"] >= queue.slots
    if busy:
        found.append(f"All {count(queue.slots)} slots of its workers are taken.")
    return found


def _line(state: str, job: Job, ahead: int, queue: QueueSnapshot) -> list[str]:
    if ahead:
        found = [f"{count(ahead)} {'job starts' if ahead == 1 else 'jobs start'} before it."]
        if state == "prioritized":
            found.append(f"Its priority is {job.priority}; jobs without one go first, then 1, 2, …")
        return found
    return ["It is the next to start."]
