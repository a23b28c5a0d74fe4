"""Which queues there are, found step by step, without looking through all of Redis at every
question.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from .drivers import Driver
from .errors import InvalidQueueName
from .keys import check_queue_name, discovery_pattern, queue_of_meta_key

#: s for which what was found is good enough.
FRESH = 5.0
#: Keys that Redis looks at in one step: a few milliseconds of its time.
STEP = 10_000
#: Steps that `Catalogue.look` makes when nothing is known yet.
FIRST_STEPS = 12


class Catalogue:
    """The names of all queues under a prefix, looked for again when they are `fresh` s old.

    Finding them is a SCAN over every key of Redis, in steps that all who ask make together.

    Args:
        driver: gives the driver.
        prefix: what every key starts with.
        named: further names, of queues that nobody may have used yet.
        fresh: s.
        clock: s, of a clock that never goes back.
    """

    def __init__(
        self,
        driver: Callable[[], Driver],
        prefix: str,
        named: Iterable[str] = (),
        fresh: float = FRESH,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._driver, self._prefix, self._clock = driver, prefix, clock
        self._named = frozenset(named)
        self._fresh = fresh
        self._cursor: bytes | None = None
        self._known: set[str] = set()
        self._found: set[str] = set()
        self._walks = 0
        self._until = float("-inf")
        self._stepping = threading.Lock()
        self._asking = threading.Lock()

    @property
    def complete(self) -> bool:
        """Whether all keys were looked at once."""
        return self._walks > 0

    def names(self) -> list[str]:
        """All names, sorted. One thread looks; meanwhile the others get what was found last.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        if not self._is_fresh() and self._asking.acquire(blocking=not self.complete):
            try:
                walks = self._walks
                while self._walks == walks and self._step():
                    pass
            finally:
                self._asking.release()
        return self._sorted(self._known)

    def look(self, steps: int = 1) -> list[str]:
        """The names known so far, sorted, after so many steps; `FIRST_STEPS` at least while not
        all keys were looked at once.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        for _ in range(steps if self.complete else max(steps, FIRST_STEPS)):
            if not self._step():
                break
        with self._stepping:
            return self._sorted(self._known | self._found)

    def forget(self) -> None:
        """Look again at the next question: a queue was made or removed."""
        with self._stepping:
            self._until, self._cursor, self._found = float("-inf"), None, set()

    def _step(self) -> bool:
        """One SCAN; whether the walk goes on."""
        with self._stepping:
            if self._cursor is None and self._is_fresh():
                return False
            pattern, cursor = discovery_pattern(self._prefix), self._cursor or b"0"
            reply = self._driver().execute(("SCAN", cursor, "MATCH", pattern, "COUNT", STEP))
            self._found.update(filter(None, map(self._queue_of, reply[1])))
            self._cursor = None if reply[0] == b"0" else reply[0]
            if self._cursor is not None:
                return True
            self._known, self._found = self._found, set()
            self._walks += 1
            self._until = self._clock() + self._fresh
            return False

    def _is_fresh(self) -> bool:
        return self._clock() < self._until

    def _sorted(self, found: set[str]) -> list[str]:
        return sorted({*found, *self._named})

    def _queue_of(self, key: bytes) -> str | None:
        """The queue of a key; None when it only looks like one."""
        name = queue_of_meta_key(key.decode("utf-8", "replace"), self._prefix)
        try:
            check_queue_name(name)
        except InvalidQueueName:
            return None
        return name
