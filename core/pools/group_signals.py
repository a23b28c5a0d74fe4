"""Signals that were meant for the worker and reach its children as well, because whoever stops a
service sends them to the whole group of processes. A child heeds one of them only when the worker
says that it was meant: the worker says when a child ends, and its jobs run to their end first.
"""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Any

#: Of those the system has.
NUMBERS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGQUIT") if hasattr(signal, name)
]


def overhear(condemned: Any) -> None:
    """Heed these signals in this process only when it was condemned, and then at once.

    Args:
        condemned: shared memory; the worker sets its value before it sends a signal.
    """

    def on_signal(number: int, frame: FrameType | None) -> None:
        if condemned.value:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    for number in NUMBERS:
        signal.signal(number, on_signal)


def ignore() -> None:
    """Heed none of them in this process, nor in those that it makes."""
    for number in NUMBERS:
        signal.signal(number, signal.SIG_IGN)
