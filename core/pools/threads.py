"""Deliveries side by side in threads."""

from __future__ import annotations

import threading
import time
from queue import SimpleQueue

from ..delivery import Delivery
from .base import Report, Run


class ThreadPool:
    """A fixed number of daemon threads, so that a handler that never ends cannot keep the process
    alive.

    Args:
        slots: how many threads.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._deliveries: SimpleQueue[Delivery | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def start(self, run: Run, report: Report) -> None:
        """See `Pool`."""
        for number in range(self.slots):
            thread = threading.Thread(
                target=self._work, args=(run, report), name=f"bullrush-slot-{number}", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def submit(self, delivery: Delivery) -> None:
        """See `Pool`."""
        self._deliveries.put(delivery)

    def stop(self, timeout: float | None) -> bool:
        """See `Pool`."""
        for _ in self._threads:
            self._deliveries.put(None)
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            rest = None if deadline is None else max(0.0, deadline - time.monotonic())
            thread.join(rest)
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self, run: Run, report: Report) -> None:
        while (delivery := self._deliveries.get()) is not None:
            report(run(delivery))
