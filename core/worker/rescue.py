"""For a pool that works in the consumer's own thread: what waits behind a long job is handed back
by another thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..pools.alarms import Alarms


class Rescue:
    """Calls a function when the consumer's thread is busy for too long.

    Args:
        guard: held while it is called; the consumer does not hold it while it runs handlers.
        call: what to do.
    """

    def __init__(self, guard: threading.Lock, call: Callable[[], None]) -> None:
        self._guard, self._call = guard, call
        self._alarms = Alarms()

    @contextmanager
    def after(self, seconds: float) -> Iterator[None]:
        """Have it called when what this surrounds takes longer."""
        alarm = self._alarms.set(seconds, self._act)
        try:
            yield
        finally:
            alarm.cancel()

    def stop(self) -> None:
        """Call it no more."""
        self._alarms.stop()

    def _act(self) -> None:
        with self._guard:
            self._call()
