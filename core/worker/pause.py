"""How long to wait before Redis is tried again."""

from __future__ import annotations

import random


class GrowingPause:
    """Doubles from 0.1 s to `longest` s, with a random part so that a fleet does not come back as
    one.
    """

    def __init__(self, longest: float = 5.0) -> None:
        self.longest = longest
        self._failures = 0

    def next(self) -> float:
        """The pause after one more failure, s."""
        pause: float = min(0.1 * 2**self._failures, self.longest)
        self._failures = min(self._failures + 1, 16)
        return pause * random.uniform(0.75, 1.25)

    def reset(self) -> None:
        """It worked."""
        self._failures = 0
