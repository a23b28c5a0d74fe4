"""Signals that were meant for the worker and reach its children as well, because whoever stops a
service sends them to the whole group of processes. Then the worker is about to stop, says when a
child ends, and its jobs run to their end first. A child that alone gets SIGTERM or SIGQUIT ends, as
does one that the worker has condemned; SIGINT is the terminal's, and never meant for a child.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType
from typing import Any

#: Of those the system has.
NUMBERS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGQUIT") if hasattr(signal, name)
]
#: s that a busy worker may take to hear of a signal that its child has heard.
GRACE = 2.0


def overhear(condemned: Any, leaving: Any) -> None:
    """Heed these signals in this process when it was condemned, and then at once, or when the
    worker is not about to stop.

    Args:
        condemned, leaving: shared memory; the worker sets the one before it sends a signal, the
            other when it stops.
    """

    def on_signal(number: int, frame: FrameType | None) -> None:
        if condemned.value:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif number != signal.SIGINT:
            threading.Thread(target=end_unless_leaving, args=(number,), daemon=True).start()

    def end_unless_leaving(number: int) -> None:
        time.sleep(GRACE)
        if not leaving.value:
            condemned.value = 1
            os.kill(os.getpid(), number)

    for number in NUMBERS:
        signal.signal(number, on_signal)


def ignore() -> None:
    """Heed none of them in this process, nor in those that it makes."""
    for number in NUMBERS:
        signal.signal(number, signal.SIG_IGN)
