"""The clock: Unix milliseconds of this machine, as BullMQ counts them (protocol part 1, section
0).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone

#: Where the time comes from, Unix ns. Who needs a clock that stands still puts another one here.
source: Callable[[], int] = time.time_ns


def runs_by_itself() -> bool:
    """Whether nobody has put another clock here."""
    return source is time.time_ns


def now_ms() -> int:
    """Unix time in whole milliseconds."""
    return source() // 1_000_000


def now() -> datetime:
    """The present moment, in UTC."""
    if runs_by_itself():
        return datetime.now(timezone.utc)
    return datetime.fromtimestamp(source() / 1e9, timezone.utc)


def monotonic() -> float:
    """s, for differences of what is measured in the time of jobs; another clock counts here too."""
    return time.monotonic() if runs_by_itself() else source() / 1e9
