"""Deliveries in the worker's hands that wait for a slot, and how many of them are worth while."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable

from ..delivery import Delivery

#: Jobs shorter than this, s, are over before a trip to Redis is: more of them are fetched ahead.
SHORT = 0.001
#: How many are fetched ahead at most: two batches, one in work and one on its way.
AHEAD = 100
#: s that a delivery may wait for a slot before it is handed back to the queue.
PATIENCE = 0.02


class Backlog:
    """In the order in which they came. `take` is safe from any thread."""

    def __init__(self) -> None:
        self._waiting: deque[Delivery] = deque()
        self._mean = 1.0
        self._since = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def learn(self, seconds: float) -> None:
        """Take note how long a job took."""
        self._mean += (min(seconds, 1.0) - self._mean) * 0.2

    def ahead(self) -> int:
        """How many deliveries may wait here, beyond those that get a slot at once."""
        return AHEAD if self._mean < SHORT else 0

    def put(self, deliveries: Iterable[Delivery]) -> None:
        """They have just been fetched."""
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.extend(deliveries)

    def take(self) -> Delivery | None:
        """The next for a slot."""
        try:
            delivery = self._waiting.popleft()
        except IndexError:
            return None
        self._since = time.monotonic()
        return delivery

    def overdue_in(self) -> float | None:
        """How long, in s, the next may still wait; None when there is none."""
        if not self._waiting:
            return None
        return max(0.0, self._since + PATIENCE - time.monotonic())

    def give_up(self) -> list[Delivery]:
        """Let all of them go, and fetch nothing ahead until jobs are known to be short again. The
        newest comes first: each is put before those that were handed back earlier.
        """
        given = list(reversed(self._waiting))
        self._waiting.clear()
        if given:
            self._mean = 1.0
        return given
