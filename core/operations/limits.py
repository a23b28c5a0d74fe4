"""Limits of a queue over all its workers: concurrency and rate (protocol part 2, section 4)."""

from __future__ import annotations

from typing import Any

from ..calls import Batch, Call, operation
from ..checks import check_duration, check_whole
from ..keys import META_FIELDS
from ..scripts import script
from ..trip import Limiter
from .base import QueueBase
from .steering import number_or_none

#: A counter that no limit reaches: nobody starts a job until it expires. Node writes the same.
_CLOSED = 2**53 - 1


class LimitOperations(QueueBase):
    """Set limits that hold for Node's workers and ours together, and look at them."""

    @operation
    def set_global_concurrency(self, concurrency: int) -> Call[None]:
        """Let at most so many jobs be active at once, over all workers. Jobs that are active go on;
        workers are woken when there is room now.

        Raises:
            InvalidOption: less than 1, which would hold the queue for ever, or no whole number.
        """
        return self._concurrency_call(check_whole(concurrency, "concurrency", 1))

    @operation
    def get_global_concurrency(self) -> Call[int | None]:
        """How many jobs may be active at once; None without a limit."""
        return Call(("HGET", self.keys.meta, META_FIELDS["concurrency"]), number_or_none)

    @operation
    def remove_global_concurrency(self) -> Call[None]:
        """Lift the limit; workers that wait for it are woken."""
        return self._concurrency_call("")

    def _concurrency_call(self, value: int | str) -> Call[None]:
        return script("set_concurrency").call(self.keys.base, [value], lambda reply: None)

    @operation
    def set_global_rate_limit(self, max: int, duration: int) -> Call[None]:
        """Let at most `max` jobs start within `duration` ms, over all workers.

        A worker's own limiter yields to this `max`, but its own duration stands (protocol 4.4).

        Raises:
            InvalidOption: less than 1, or no whole number.
        """
        most, duration = check_whole(max, "max", 1), check_duration(duration, "duration")
        pairs = (META_FIELDS["max"], most, META_FIELDS["duration"], duration)
        return Call(("HSET", self.keys.meta, *pairs), lambda reply: None)

    @operation
    def get_global_rate_limit(self) -> Call[Limiter | None]:
        """The limit over all workers; None without one, or when it has no duration: then it is not
        obeyed.
        """

        def read(reply: list[bytes | None]) -> Limiter | None:
            most, duration = (number_or_none(each) for each in reply)
            return None if most is None or duration is None else Limiter(most, duration)

        fields = META_FIELDS["max"], META_FIELDS["duration"]
        return Call(("HMGET", self.keys.meta, *fields), read)

    @operation
    def remove_global_rate_limit(self) -> Call[None]:
        """Lift the limit. A worker that waits for its window to end notices then."""
        fields = META_FIELDS["max"], META_FIELDS["duration"]
        return Call(("HDEL", self.keys.meta, *fields), lambda reply: None)

    @operation
    def rate_limit(self, duration: int) -> Call[None]:
        """Let no job start for `duration` ms. It binds workers that have a limit, their own or that
        of the queue (protocol 4.4).

        Raises:
            InvalidOption: less than 1, or no whole number.
        """
        duration = check_duration(duration, "duration")
        return Call(("SET", self.keys.limiter, _CLOSED, "PX", duration), lambda reply: None)

    @operation
    def get_rate_limit_ttl(self, max_jobs: int | None = None) -> Batch[int]:
        """For how many ms no job may start (protocol 4.4).

        Args:
            max_jobs: as a worker with that limit sees it; by default as the queue's own limit says.

        Returns:
            ms, 0 when a job may start. Without `max_jobs` and without a limit of the queue: the ms
            left of the window that runs, -2 when none runs, -1 when it never ends.

        Raises:
            InvalidOption: `max_jobs` is negative or no whole number.
        """
        given = check_whole(max_jobs, "max_jobs") if max_jobs is not None else 0

        def read(replies: list[int | None]) -> int:
            own, started, rest = replies
            most = given or own
            if not most:
                return rest or 0
            return max(0, rest or 0) if (started or 0) >= most else 0

        calls: list[Call[Any]] = [
            Call(("HGET", self.keys.meta, META_FIELDS["max"]), number_or_none),
            Call(("GET", self.keys.limiter), number_or_none),
            Call(("PTTL", self.keys.limiter), int),
        ]
        return Batch(calls, read)

    @operation
    def remove_rate_limit_key(self) -> Call[bool]:
        """Begin a new window now; whether there was one. A worker that waits for the old one to end
        notices then.
        """
        return Call(("DEL", self.keys.limiter), bool)

    @operation
    def is_maxed(self) -> Batch[bool]:
        """Whether as many jobs are active as the global concurrency allows."""

        def read(replies: list[int | None]) -> bool:
            concurrency, active = replies
            return concurrency is not None and (active or 0) >= concurrency

        limit = Call(("HGET", self.keys.meta, META_FIELDS["concurrency"]), number_or_none)
        return Batch([limit, Call(("LLEN", self.keys.active), int)], read)
