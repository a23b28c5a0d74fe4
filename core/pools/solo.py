"""One delivery at a time, in the worker's own thread."""

from __future__ import annotations

from ..delivery import Delivery
from .base import Report, Run


class SoloPool:
    """Runs a delivery while it is submitted. With `Worker.run` that is the thread of the caller, so
    a debugger works.
    """

    slots = 1

    def start(self, run: Run, report: Report) -> None:
        """See `Pool`."""
        self._run, self._report = run, report

    def submit(self, delivery: Delivery) -> None:
        """See `Pool`."""
        self._report(self._run(delivery))

    def stop(self, timeout: float | None) -> bool:
        """See `Pool`."""
        return True
