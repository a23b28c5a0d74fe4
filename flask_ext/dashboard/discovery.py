"""Which queues there are, found step by step, so that no look at a page has to walk through every
key of a large Redis.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from bullrush.core.drivers import Driver
from bullrush.core.errors import InvalidQueueName
from bullrush.core.keys import check_queue_name, discovery_pattern, queue_of_meta_key

#: Keys that Redis looks at in one step: a few milliseconds of its time.
STEP = 10_000
#: Steps that somebody waits for when nothing is known yet.
FIRST_STEPS = 12
#: s between two walks through all keys.
REST = 5.0


class Discovery:
    """Walks through the keys by SCAN, a step at a time, again and again.

    Args:
        driver: gives the driver.
        prefix: what the keys of all queues start with.
        named: queues that the application names; they are shown before they are used.
    """

    def __init__(
        self,
        driver: Callable[[], Driver],
        prefix: str,
        named: tuple[str, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._driver, self._prefix, self._named, self._clock = driver, prefix, named, clock
        self._guard = threading.Lock()
        self._cursor: bytes | None = None
        self._known: set[str] = set()
        self._found: set[str] = set()
        self._ended: float | None = None

    @property
    def complete(self) -> bool:
        """Whether all keys were looked at once."""
        return self._ended is not None

    def names(self) -> list[str]:
        """The queues known so far, sorted."""
        return sorted({*self._known, *self._found, *self._named})

    def look(self, steps: int = 1) -> list[str]:
        """Look at further keys, and return what is known then.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        with self._guard:
            for _ in range(steps if self.complete else max(steps, FIRST_STEPS)):
                if not self._step():
                    break
        return self.names()

    def _step(self) -> bool:
        """One SCAN; whether the walk goes on."""
        if self._cursor is None and self._resting():
            return False
        pattern, cursor = discovery_pattern(self._prefix), self._cursor or b"0"
        reply = self._driver().execute(("SCAN", cursor, "MATCH", pattern, "COUNT", STEP))
        self._found.update(filter(None, map(self._queue_of, reply[1])))
        if reply[0] != b"0":
            self._cursor = reply[0]
            return True
        self._known, self._found, self._cursor = self._found, set(), None
        self._ended = self._clock()
        return False

    def _resting(self) -> bool:
        return self._ended is not None and self._clock() - self._ended < REST

    def _queue_of(self, key: bytes) -> str | None:
        """The queue of a key; None when it only looks like one."""
        name = queue_of_meta_key(key.decode("utf-8", "replace"), self._prefix)
        try:
            check_queue_name(name)
        except InvalidQueueName:
            return None
        return name
