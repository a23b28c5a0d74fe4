"""Deliveries side by side in threads."""

from __future__ import annotations

import os
import threading
from functools import partial
from queue import SimpleQueue

from ..delivery import Delivery, Finished
from ..errors import SoftTimeLimitExceeded
from .alarms import Alarms
from .base import Freed, Pending, Report, Work
from .interruption import Interruptible
from .loop import Coroutines


class ThreadPool:
    """Daemon threads, so that a handler that never ends cannot keep the process alive. They are
    made when they are needed. A coroutine leaves its thread and runs on an event loop.

    Args:
        slots: how many deliveries at once.
        coroutines: how many running coroutines are not counted as slots.
    """

    inline = False

    def __init__(self, slots: int, coroutines: int = 0) -> None:
        self.slots = slots
        self._extra = coroutines
        self._busy = 0
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._deliveries: SimpleQueue[Delivery | None] = SimpleQueue()
        self._runs: dict[Delivery, Interruptible] = {}
        self._guard = threading.Lock()
        self._ended = threading.Condition(self._guard)
        self._alarms = Alarms()

    def start(self, work: Work, report: Report, freed: Freed) -> None:
        """See `Pool`."""
        self._work, self._tell, self._freed = work, report, freed
        self._coroutines = Coroutines(work, self._report)

    def free(self) -> int:
        """See `Pool`."""
        return self.slots - (self._busy - min(len(self._coroutines), self._extra))

    def submit(self, delivery: Delivery) -> None:
        """See `Pool`."""
        with self._guard:
            self._busy += 1
            if self._idle:
                self._idle -= 1
            else:
                self._add_thread()
        self._deliveries.put(delivery)

    def cancel(self, delivery: Delivery, error: BaseException) -> bool:
        """See `Pool`."""
        run = self._runs.get(delivery)
        return run.end(error) if run is not None else self._coroutines.cancel(delivery, error)

    def end(self, delivery: Delivery, error: BaseException, signum: int) -> bool:
        """See `Pool`. There is no process of its own."""
        return self.cancel(delivery, error)

    def renew(self) -> None:
        """See `Pool`. There are none."""

    def lose(self, delivery: Delivery) -> None:
        """See `Pool`. The handler sees the same object as the worker."""

    def abandon(self, delivery: Delivery) -> None:
        """See `Pool`. A thread cannot be killed; it ends with the process."""

    def pids(self) -> list[int]:
        """See `Pool`."""
        return []

    def process_of(self, delivery: Delivery) -> int | None:
        """See `Pool`."""
        run = delivery.batch or delivery
        return os.getpid() if run in self._runs or run in self._coroutines else None

    def resize(self, slots: int) -> None:
        """See `Pool`. Threads beyond the number stay, without work."""
        self.slots = slots

    def leave(self) -> None:
        """See `Pool`. There are no children."""

    def stop(self, timeout: float | None) -> bool:
        """See `Pool`."""
        with self._ended:
            ended = self._ended.wait_for(lambda: not self._busy, timeout)
            threads = list(self._threads)
        for _ in threads:
            self._deliveries.put(None)
        if ended:
            for thread in threads:
                thread.join(5)
        self._alarms.stop()
        self._coroutines.stop()
        return ended

    def _add_thread(self) -> None:
        thread = threading.Thread(
            target=self._loop, name=f"bullrush-slot-{len(self._threads)}", daemon=True
        )
        self._threads.add(thread)
        thread.start()

    def _loop(self) -> None:
        while (delivery := self._deliveries.get()) is not None:
            begun = self._begin(delivery)
            with self._guard:
                self._idle += 1
            if isinstance(begun, Finished):
                self._report(begun)
            else:
                self._coroutines.spawn(begun)
                if self._extra:
                    self._freed()

    def _begin(self, delivery: Delivery) -> Finished | Pending:
        limits = self._work.limits(delivery)
        run = self._runs[delivery] = Interruptible()
        alarm = None
        if limits.soft:
            error = SoftTimeLimitExceeded(f"the soft time limit of {limits.soft} s is over")
            alarm = self._alarms.set(limits.soft, partial(run.end, error))
        try:
            return self._work.begin(delivery, lambda: run)
        finally:
            del self._runs[delivery]
            if alarm is not None:
                alarm.cancel()

    def _report(self, finished: Finished) -> None:
        with self._ended:
            self._busy -= 1
            if not self._busy:
                self._ended.notify_all()
        self._tell(finished)
