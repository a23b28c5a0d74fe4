"""A sign of life from Redis within a bounded time, whatever the network does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from bullrush.core.drivers import Driver
from bullrush.core.errors import BullrushError

logger = logging.getLogger(__name__)


class Pulse:
    """Pings a driver in a thread.

    Looking up a host name has no timeout, and that of a driver is longer than a probe waits. There
    is one ping at a time: while Redis is away, everybody waits for the same one, and no threads
    pile up.

    Args:
        driver: gives the driver; called in the thread, as it may have to start something first.
    """

    def __init__(self, driver: Callable[[], Driver]) -> None:
        self._driver = driver
        self._guard = threading.Lock()
        self._ping: _Ping | None = None

    def latency_ms(self, patience: float) -> float | None:
        """How long Redis took to answer, ms; None when it did not within `patience` s."""
        with self._guard:
            if self._ping is None or self._ping.ended.is_set():
                self._ping = _Ping(self._driver)
                self._ping.start()
            ping = self._ping
        ping.ended.wait(patience)
        return ping.latency_ms


class _Ping(threading.Thread):
    def __init__(self, driver: Callable[[], Driver]) -> None:
        super().__init__(name="bullrush-ping", daemon=True)
        self._driver = driver
        self.ended = threading.Event()
        self.latency_ms: float | None = None

    def run(self) -> None:
        try:
            driver = self._driver()
            started = time.perf_counter()
            driver.execute(("PING",))
            self.latency_ms = round((time.perf_counter() - started) * 1000, 3)
        except BullrushError as error:
            logger.warning("no answer: %s", error)
        finally:
            self.ended.set()
