"""One trip to Redis: commit what is finished, fetch what is next. The typed side of the script
`commit_and_fetch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .calls import Argument, Call
from .job import Job, id_bytes, id_of
from .keys import QueueKeys
from .records import Record
from .scripts import script


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
        metrics: how many minutes of counts to keep; None for none.
        strict: hand out nothing when an outcome did not count.
        skew: μs that this process' clock is ahead of the server's; given when nobody knows when the
            call will be run: then the server tells the time.
    """

    now: int
    token: str
    lock_ms: int
    most: int
    limiter: Limiter | None = None
    worker: str = ""
    metrics: int | None = None
    strict: bool = False
    skew: int | None = None


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


def commit_and_fetch(keys: QueueKeys, records: Sequence[Record], request: Request) -> Call[Reply]:
    """The call of a trip.

    Args:
        keys: the keys of the queue.
        records: the outcomes to commit, as `record_of` makes them.
    """
    limiter = request.limiter
    arguments: list[Argument] = [
        request.now,
        request.token,
        request.lock_ms,
        request.most,
        limiter.max if limiter else "",
        limiter.duration if limiter else "",
        request.worker,
        "" if request.metrics is None else request.metrics,
        "1" if request.strict else "",
        "" if request.skew is None else request.skew,
        len(records),
    ]
    for record in records:
        arguments += record

    def read(reply: Any) -> Reply:
        codes, jobs, limited_ms, next_due, dropped = reply
        found = [Job.from_reply(keys.base, id_of(job_id), stored) for job_id, stored in jobs]
        return Reply(codes, found, limited_ms, next_due, [id_of(each) for each in dropped])

    return script("commit_and_fetch").call(keys.base, arguments, read)


def extend_locks(
    keys: QueueKeys, lock_ms: int, locks: Sequence[tuple[str, str]]
) -> Call[list[int]]:
    """The call that lets locks live for `lock_ms` from now (protocol 7.2).

    Args:
        locks: job id and token of each.

    Returns:
        The positions of those that are gone or somebody else's.
    """
    arguments: list[Argument] = [lock_ms]
    for job_id, token in locks:
        arguments += (id_bytes(job_id), token)
    return script("extend_locks").call(keys.base, arguments, list)
