"""At most so many starts in so much time, decided in one process."""

from __future__ import annotations

from collections.abc import Callable

from .. import clock as clocks

#: s ahead for which moments are reserved. Who would have to wait longer asks again then, so that
#: jobs of a worker that is gone do not wait for hours.
HORIZON = 60.0
#: How many moments are reserved at most.
MOST = 10_000
#: s after which a reserved moment that nobody used is forgotten: another worker took the job.
GRACE = 60.0


class Pace:
    """Starts at an even distance. Used by one thread.

    A job that comes too early gets a moment of its own, and is let through when it comes again
    then; so its return is not counted twice. Memory is bounded.

    Args:
        interval: s from one start to the next.
        clock: monotonic s.
    """

    def __init__(self, interval: float, clock: Callable[[], float] = clocks.monotonic) -> None:
        self.interval = interval
        self._clock = clock
        self._next = clock()
        #: Who may start when, the earliest first.
        self._reserved: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._reserved)

    def wait(self, who: str) -> float:
        """s until `who` may start; 0 for now, and then it counts as started."""
        now = self._clock()
        self._forget(now - GRACE)
        moment = self._reserved.get(who)
        if moment is not None:
            if moment <= now:
                del self._reserved[who]
            return max(0.0, moment - now)
        wait = self._next - now
        if wait <= 0:
            self._next = now + self.interval
            return 0.0
        if wait > HORIZON or len(self._reserved) >= MOST:
            return min(wait, HORIZON)
        self._reserved[who] = self._next
        self._next += self.interval
        return wait

    def _forget(self, before: float) -> None:
        while self._reserved:
            who = next(iter(self._reserved))
            if self._reserved[who] > before:
                return
            del self._reserved[who]
