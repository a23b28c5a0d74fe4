"""Alarms: functions called at a time, by one thread for all of a pool's time limits."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

logger = logging.getLogger("bullrush.worker")


@dataclass(order=True)
class Alarm:
    """One of them; compares by its time."""

    moment: float
    number: int
    call: Callable[[], object] = field(compare=False)
    off: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """It will not be called any more, unless it is being called now."""
        self.off = True


class Alarms:
    """Calls functions later. Its thread starts with the first alarm."""

    def __init__(self) -> None:
        self._alarms: list[Alarm] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def set(self, seconds: float, call: Callable[[], object]) -> Alarm:
        """Have a function called in that many seconds; it must be short."""
        alarm = Alarm(time.monotonic() + seconds, next(self._numbers), call)
        with self._changed:
            heapq.heappush(self._alarms, alarm)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._loop, name="bullrush-alarms", daemon=True
                )
                self._thread.start()
            self._changed.notify()
        return alarm

    def stop(self) -> None:
        """Call none of them any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5)

    def _loop(self) -> None:
        while (alarm := self._next()) is not None:
            try:
                alarm.call()
            except Exception:
                logger.exception("an alarm raised; going on")

    def _next(self) -> Alarm | None:
        with self._changed:
            while not self._stopped:
                rest = self._alarms[0].moment - time.monotonic() if self._alarms else None
                if rest is None or rest > 0:
                    self._changed.wait(rest)
                    continue
                alarm = heapq.heappop(self._alarms)
                if not alarm.off:
                    return alarm
        return None
