"""What stands between the fetched deliveries and the pool: those that must not start yet."""

from __future__ import annotations

import logging

from ..delivery import Delivery
from ..pools import Work
from ..pools.base import Report

logger = logging.getLogger("bullrush.worker")


class Gate:
    """Asked by the consumer before a delivery is given to the pool; there is none for a handler
    that has nothing to say.

    Args:
        work: knows who must wait.
        report: gets what comes of those that do.
    """

    def __init__(self, work: Work, report: Report) -> None:
        self._work, self._report = work, report
        self._hold = work.hold

    def lets_pass(self, delivery: Delivery) -> bool:
        """Whether it may start now. Else it has been taken care of."""
        wait = self._wait_of(delivery)
        if wait > 0:
            self._report(self._work.postpone(delivery, wait))
        return wait <= 0

    def _wait_of(self, delivery: Delivery) -> float:
        if self._hold is None:
            return 0.0
        try:
            return self._hold(delivery)
        except Exception:
            logger.exception("job %s: the handler's hold raised; it starts now", delivery.job.id)
            return 0.0
