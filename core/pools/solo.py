"""One delivery at a time, in the worker's own thread."""

from __future__ import annotations

import asyncio
import os

from ..delivery import Delivery, Finished
from .base import Freed, Report, Work


class SoloPool:
    """Runs a delivery while it is submitted. With `Worker.run` that is the thread of the caller, so
    a debugger works. Nothing can end a handler from outside.
    """

    slots = 1
    inline = True

    def start(self, work: Work, report: Report, freed: Freed) -> None:
        """See `Pool`."""
        self._work, self._report = work, report
        self._loop: asyncio.AbstractEventLoop | None = None
        self._current: Delivery | None = None

    def free(self) -> int:
        """See `Pool`. A submitted delivery has always ended."""
        return 1

    def submit(self, delivery: Delivery) -> None:
        """See `Pool`."""
        self._current = delivery
        begun = self._work.begin(delivery)
        if not isinstance(begun, Finished):
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
            begun = self._loop.run_until_complete(self._work.complete(begun))
        self._current = None
        self._report(begun)

    def cancel(self, delivery: Delivery, error: BaseException) -> bool:
        """See `Pool`."""
        return False

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
        return os.getpid() if self._current in (delivery, delivery.batch or delivery) else None

    def resize(self, slots: int) -> None:
        """See `Pool`. One stays one."""

    def leave(self) -> None:
        """See `Pool`. There are no children."""

    def stop(self, timeout: float | None) -> bool:
        """See `Pool`."""
        if self._loop is not None:
            self._loop.close()
            self._loop = None
        return True
