"""The clock: Unix milliseconds of this machine, as BullMQ counts them (protocol part 1, section
0).
"""

from __future__ import annotations

import time


def now_ms() -> int:
    """Unix time in whole milliseconds."""
    return time.time_ns() // 1_000_000
