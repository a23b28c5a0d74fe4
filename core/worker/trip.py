"""One trip to Redis: commit what is finished, fetch what is next. The typed side of
`commit_and_fetch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..calls import Call
from ..delivery import Finished
from ..job import Job
from ..queue import Queue
from ..scripts import script


@dataclass(frozen=True)
class Limiter:
    """At most `max` jobs of a queue in `duration` ms, counted over all workers that have a
    limit.
    """

    max: int
    duration: int


@dataclass(frozen=True)
class Request:
    """What a trip asks for.

    Args:
        now: Unix ms.
        token: the value of the locks of the jobs handed out.
        lock_ms: how long the locks live, ms.
        most: how many jobs at most; 0 to commit only.
        limiter: the worker's own rate limit.
        worker: the worker's name.
    """

    now: int
    token: str
    lock_ms: int
    most: int
    limiter: Limiter | None = None
    worker: str = ""


@dataclass(frozen=True)
class Reply:
    """What a trip brought back.

    Args:
        codes: one per outcome: 0, or why it changed nothing (protocol 5.2).
        jobs: the jobs handed out.
        limited_ms: ms until the rate limit opens, else 0.
        next_due: Unix ms of the next delayed job, else 0; only when no job came.
        dropped: ids that were in the queue without a job.
    """

    codes: Sequence[int]
    jobs: Sequence[Job]
    limited_ms: int
    next_due: int
    dropped: Sequence[str]


def commit_and_fetch(queue: Queue, finished: Sequence[Finished], request: Request) -> Call[Reply]:
    """The call of a trip."""
    limiter = request.limiter
    arguments: list[str | int] = [
        request.now,
        request.token,
        request.lock_ms,
        request.most,
        limiter.max if limiter else "",
        limiter.duration if limiter else "",
        request.worker,
        len(finished),
    ]
    for each in finished:
        arguments += each.record

    def read(reply: Any) -> Reply:
        codes, jobs, limited_ms, next_due, dropped = reply
        found = [Job.from_reply(queue.name, job_id.decode(), stored) for job_id, stored in jobs]
        return Reply(codes, found, limited_ms, next_due, [each.decode() for each in dropped])

    return script("commit_and_fetch").call(queue.keys.base, arguments, read)
