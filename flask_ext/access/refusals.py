"""Attempts that were refused because nobody knows who came: counted for each address and minute, so
that whoever tries all the time fills no log.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter

from bullrush.core.budgets import Tally
from bullrush.core.keys import admin_key

from .sharing import Shared
from .throttle import network_of

logger = logging.getLogger(__name__)

MINUTE = 60_000
#: So many addresses are told apart in a minute; the others are counted together.
ADDRESSES = 50
#: About so many sums are kept, and for how many ms.
ENTRIES, KEEP = 2000, 30 * 24 * 3_600_000
#: Redis is told so often a second by one process; what comes meanwhile goes with the next.
OFTEN = 20


def tally(prefix: str) -> Tally:
    """Where refusals are counted."""
    opened, closed = (admin_key(prefix, "refusals", each) for each in ("open", "closed"))
    return Tally(opened, closed, MINUTE, ADDRESSES, ENTRIES, KEEP)


class Refusals:
    """Counts.

    Args:
        shared: what the processes know together; None to count nothing.
    """

    def __init__(self, shared: Shared | None) -> None:
        self._shared = shared
        self._guard = threading.Lock()
        self._second, self._told = 0, 0
        self._untold: Counter[str] = Counter()

    def note(self, address: str) -> None:
        """Somebody came from there and was refused. That this cannot be counted stops nobody."""
        if self._shared is None:
            return
        counts = self._due(network_of(address)[:60] or "unknown")
        if counts:
            where = tally(self._shared.prefix)
            calls = [where.count(name, count) for name, count in counts.items()]
            if self._shared.ask(*calls) is None:
                logger.warning("refused without being counted: %d", sum(counts.values()))

    def _due(self, name: str) -> Counter[str]:
        """What is to be told now."""
        with self._guard:
            if len(self._untold) >= ADDRESSES and name not in self._untold:
                name = "others"
            self._untold[name] += 1
            second = int(time.monotonic())
            if second != self._second:
                self._second, self._told = second, 0
            if self._told >= OFTEN:
                return Counter()
            self._told += 1
            counts, self._untold = self._untold, Counter()
            return counts
