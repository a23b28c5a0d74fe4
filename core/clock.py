"""The clock: Unix milliseconds of this machine, as BullMQ counts them (protocol part 1, section
0).
"""

from __future__ import annotations

import time
from collections.abc import Callable

#: Where the time comes from, Unix ns. Who needs a clock that stands still puts another one here.
source: Callable[[], int] = time.time_ns


def runs_by_itself() -> bool:
    """Whether nobody has put another clock here."""
    return source is time.time_ns


def now_ms() -> int:
    """Unix time in whole milliseconds."""
    return source() // 1_000_000
