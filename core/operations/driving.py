"""Driving jobs by hand: fetch one, end or move it, without a worker (protocol part 1, sections 4 to
7).

    job = queue.get_next_job(token, block=5.0)
    if job is not None:
        queue.move_to_completed(job, {"sent": True}, token)

Whoever fetched a job must end it, or renew its lock with `extend_lock`, before the lock ends; else
the stalled check of some worker takes the job back.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict, Unpack

from ..advance import advance_or_log
from ..backoff import BackoffStrategy
from ..calls import Call, Steps, operation, procedure
from ..checks import check_duration, check_kind, check_milliseconds, check_string, check_whole
from ..clock import now_ms
from ..errors import InvalidOption
from ..job import Job
from ..options import Keep, check_names, check_text
from ..outcome import Completed, Outcome, Postponed, RateLimited, decide
from ..records import KEEP_ALL, Retention, record_of
from ..trip import Limiter, Reply, Request, commit_and_fetch, extend_locks
from .base import QueueBase

#: A wait in Redis is cut into parts of at most this length, s: no reply may take as long as the
#: driver's patience.
_LONGEST_WAIT = 1.0
_SHORTEST_WAIT = 0.002


class FetchOptions(TypedDict, total=False):
    """Keyword options of what may hand out a job; as the options of a worker.

    Keys:
        lock_duration: ms that the lock of the job lives; 30 000 by default.
        limiter: `Limiter`: at most so many jobs in so many ms.
        name: who takes the job, as other tools show it.
    """

    lock_duration: int
    limiter: Limiter | None
    name: str


class FinishOptions(FetchOptions, total=False):
    """Keyword options of what ends a job.

    Keys:
        remove_on_complete, remove_on_fail: `Keep` for jobs that do not say themselves.
        metrics: for how many minutes to keep the number of finished jobs.
        strategies: custom backoff strategies by type name.
        max_started_attempts: a job that was started that often is not tried again.
    """

    remove_on_complete: Keep | None
    remove_on_fail: Keep | None
    metrics: int | None
    strategies: Mapping[str, BackoffStrategy]
    max_started_attempts: int | None


class DrivingOperations(QueueBase):
    """What a worker does, one step at a time."""

    @procedure
    def get_next_job(
        self, token: str, *, block: float = 0.0, **options: Unpack[FetchOptions]
    ) -> Steps[Job | None]:
        """Take the next job: it is active then, and locked by the token (protocol 4). A run of a
        job scheduler has its successor made.

        Args:
            token: text that nobody else uses; `"0"` takes the job without a lock.
            block: s to wait for a job; 0 for not at all.
            **options: see `FetchOptions`.

        Returns:
            The job, or None when there is none, the queue is held or its rate limit is closed. One
            with a `deferred_failure` is to be failed, not worked.

        Raises:
            InvalidOption: an empty token, or an unknown option.
        """
        check_names(options, tuple(FetchOptions.__annotations__), "option")
        check_kind(block, (int, float), "block", "a number of s")
        if not block >= 0:
            raise InvalidOption(f"block is a number of s from 0, not {block!r}")
        deadline, held_marker = time.monotonic() + block, None
        while True:
            reply: Reply = yield self._trip(token, options, most=1)
            rest = deadline - time.monotonic()
            if reply.jobs or rest <= 0:
                break
            popped = yield self._wait_for_work(reply, token, rest)
            if popped is not None and popped[1] > now_ms():
                held_marker = popped
        yield from advance_or_log(self.keys, reply.jobs, now_ms())
        if reply.jobs:
            return reply.jobs[0]
        if held_marker is not None:
            # Somebody else may sleep until a delayed job is due; we are not going to run it.
            member, due = held_marker
            yield Call(("ZADD", self.keys.marker, due, member), int)
        return None

    @procedure
    def move_to_completed(
        self,
        job: Job,
        value: Any,
        token: str,
        *,
        fetch_next: bool = False,
        **options: Unpack[FinishOptions],
    ) -> Steps[Job | None]:
        """End an active job with the value it returned (protocol 5).

        Args:
            job: as it was fetched: its options count.
            value: any JSON value, or `RawJson`.
            token: what it was fetched with.
            fetch_next: take the next job in the same step, with the same token.
            **options: see `FinishOptions`.

        Returns:
            The next job, if there is one and it was asked for.

        Raises:
            JobNotFound, LockMissing, LockMismatch, WrongState: the job is not this token's.
            PendingChildren, FailedChildren: it cannot complete; nothing has changed.
            UnserializableData: the value has no JSON form.
        """
        return (yield from self._finish(job, Completed(value), token, fetch_next, options))

    @procedure
    def move_to_failed(
        self,
        job: Job,
        error: BaseException,
        token: str,
        *,
        fetch_next: bool = False,
        **options: Unpack[FinishOptions],
    ) -> Steps[Job | None]:
        """End an attempt that failed. The job runs again if it has attempts left and the error is
        no `UnrecoverableError` (protocol 6.1); else it has failed.

        Args:
            error: its text is the reason, its traceback goes to the stacktrace.
            job, token, fetch_next, **options: as `move_to_completed`.

        Returns:
            The next job, if there is one and it was asked for.

        Raises:
            JobNotFound, LockMissing, LockMismatch, WrongState: the job is not this token's.
        """
        check_kind(job, Job, "job", "the Job that was fetched")
        check_kind(error, BaseException, "error", "an exception")
        outcome = decide(
            job,
            error,
            strategies=options.get("strategies"),
            max_started_attempts=options.get("max_started_attempts"),
        )
        return (yield from self._finish(job, outcome, token, fetch_next, options))

    @operation
    def move_to_delayed(self, job_id: str, timestamp: int, token: str) -> Call[None]:
        """Have an active job run again at `timestamp` (Unix ms), without counting an attempt
        (protocol 6.3).

        Raises:
            JobNotFound, LockMissing, LockMismatch, WrongState: the job is not this token's.
            InvalidOption: the time is not a whole number.
        """
        delay = max(0, check_milliseconds(timestamp, "timestamp") - now_ms())
        return self._move(job_id, Postponed(delay), token, "moveToDelayed", lambda reply: None)

    @operation
    def move_to_wait(self, job_id: str, token: str) -> Call[int]:
        """Put an active job back, next in line, without counting an attempt (protocol 6.5).

        Returns:
            ms until the queue's rate limit opens; 0 when there is none.

        Raises:
            JobNotFound, LockMissing, LockMismatch, WrongState: the job is not this token's.
        """
        return self._move(
            job_id, RateLimited(), token, "moveJobFromActiveToWait", lambda reply: reply.limited_ms
        )

    @operation
    def extend_lock(self, job_id: str, token: str, ms: int) -> Call[bool]:
        """Let the lock of an active job live for `ms` from now (protocol 7.2).

        Returns:
            Whether the token held the lock.

        Raises:
            InvalidOption: `ms` is not a whole number from 1.
        """
        call = extend_locks(
            self.keys, check_duration(ms, "ms"), [(job_id, check_string(token, "token"))]
        )
        return Call(call.command, lambda lost: not lost, call.full)

    def _finish(
        self, job: Job, outcome: Outcome, token: str, fetch_next: bool, options: FinishOptions
    ) -> Steps[Job | None]:
        check_kind(job, Job, "job", "the Job that was fetched")
        check_names(options, tuple(FinishOptions.__annotations__), "option")
        for each in ("remove_on_complete", "remove_on_fail"):
            check_kind(options.get(each), (Keep, type(None)), each, "a Keep")
        retention = Retention(options.get("remove_on_complete"), options.get("remove_on_fail"))
        record = record_of(job, token, outcome, retention)
        reply: Reply = yield self._trip(
            token,
            options,
            most=1 if fetch_next else 0,
            records=[record],
            metrics=options.get("metrics"),
        )
        self._checked(reply.codes[0], "moveToFinished", job.id, "active")
        yield from advance_or_log(self.keys, reply.jobs, now_ms())
        return reply.jobs[0] if reply.jobs else None

    def _trip(
        self,
        token: str,
        options: FetchOptions,
        *,
        most: int,
        records: Any = (),
        metrics: int | None = None,
    ) -> Call[Reply]:
        if not isinstance(token, str) or not token:
            raise InvalidOption(f"a token is non-empty text, not {token!r}")
        check_text("token", token)
        limiter = options.get("limiter")
        if limiter is not None:
            check_kind(limiter, Limiter, "limiter", "a Limiter")
            check_whole(limiter.max, "limiter.max", 1)
            check_duration(limiter.duration, "limiter.duration")
        request = Request(
            now=now_ms(),
            token=token,
            lock_ms=check_duration(options.get("lock_duration", 30_000), "lock_duration"),
            most=most,
            limiter=limiter,
            worker=check_string(options.get("name", ""), "name"),
            metrics=None if metrics is None else check_whole(metrics, "metrics"),
            strict=True,
        )
        return commit_and_fetch(self.keys, records, request)

    def _move(
        self, job_id: str, outcome: Outcome, token: str, operation: str, read: Any
    ) -> Call[Any]:
        record = record_of(Job(self.keys.base, job_id, {}), token, outcome, KEEP_ALL)
        call = self._trip(token, {}, most=0, records=[record])

        def checked(reply: Any) -> Any:
            answer = call.read(reply)
            self._checked(answer.codes[0], operation, job_id, "active")
            return read(answer)

        return Call(call.command, checked, call.full)

    def _wait_for_work(self, reply: Reply, token: str, rest: float) -> Call[tuple[str, int] | None]:
        """Sleep in Redis until there may be a job, at most for `rest` s. A closed rate limit opens
        by time alone, whatever the marker says.
        """
        ends = [rest, _LONGEST_WAIT]
        if reply.limited_ms:
            ends.append(reply.limited_ms / 1000)
        if reply.next_due:
            ends.append((reply.next_due - now_ms()) / 1000)
        marker = () if reply.limited_ms else (self.keys.marker,)
        timeout = f"{max(min(ends), _SHORTEST_WAIT):.3f}"

        def read(popped: Any) -> tuple[str, int] | None:
            return (popped[1].decode(), int(float(popped[2]))) if popped else None

        return Call(("BZPOPMIN", *marker, self.keys.wake(token), timeout), read)
