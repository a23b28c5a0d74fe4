"""Which queues there are, without looking through all of Redis at every question."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from .drivers import Driver
from .views import list_queues

#: s for which what was found is good enough.
FRESH = 10.0


class Catalogue:
    """The names of all queues under a prefix, looked for again when they are `fresh` s old.

    Finding them is a SCAN over every key of Redis, which is a hundred round trips for 100,000 jobs.
    One thread looks; meanwhile the others get what was found last.

    Args:
        driver: gives the driver.
        prefix: what every key starts with.
        named: further names, of queues that nobody may have used yet.
        fresh: s.
    """

    def __init__(
        self,
        driver: Callable[[], Driver],
        prefix: str,
        named: Iterable[str] = (),
        fresh: float = FRESH,
    ) -> None:
        self._driver, self._prefix = driver, prefix
        self._named = frozenset(named)
        self._fresh = fresh
        self._found: list[str] | None = None
        self._until = 0.0
        self._looking = threading.Lock()

    def names(self) -> list[str]:
        """The names, sorted.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        if time.monotonic() < self._until and self._found is not None:
            return self._found
        if self._looking.acquire(blocking=self._found is None):
            try:
                self._look()
            finally:
                self._looking.release()
        return self._found or []

    def _look(self) -> None:
        if time.monotonic() >= self._until:  # else another thread has looked meanwhile
            found = list_queues(self._driver(), self._prefix)
            self._found = sorted({*found, *self._named})
            self._until = time.monotonic() + self._fresh

    def forget(self) -> None:
        """Look again at the next question: a queue was made or removed."""
        self._until = 0.0
