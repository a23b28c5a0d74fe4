"""The lock service: renews the locks of all running jobs in one call a queue (protocol 7.2)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..calls import run
from ..delivery import Delivery
from ..queue import Queue
from ..trip import extend_locks
from .listeners import nobody
from .service import Service

logger = logging.getLogger("bullrush.worker")


class LockService(Service):
    """Runs in its own thread, so that no handler can stop it.

    Args:
        lock_ms: how long a lock lives after a renewal, ms.
        interval_ms: ms between two renewals.
        running: gives the deliveries whose outcome is not stored yet.
        told: called with each delivery whose lock is found lost.
    """

    def __init__(
        self,
        lock_ms: int,
        interval_ms: float,
        running: Callable[[], list[Delivery]],
        told: Callable[[Delivery], object] = nobody,
    ) -> None:
        super().__init__("locks", interval_ms / 1000)
        self.lock_ms = lock_ms
        self._running = running
        self._told = told

    def tick(self) -> None:
        """Renew every lock once."""
        held = [each for each in self._running() if _needs_lock(each) and not each.lock_lost]
        for queue in {delivery.queue for delivery in held}:
            self._renew(queue, [each for each in held if each.queue is queue])

    def _renew(self, queue: Queue, deliveries: list[Delivery]) -> None:
        if not deliveries:
            return
        locks = [(delivery.job.id, delivery.token) for delivery in deliveries]
        for position in run(queue.driver, extend_locks(queue.keys, self.lock_ms, locks)):
            delivery = deliveries[position]
            if delivery in self._running() and _needs_lock(delivery):
                delivery.lose_lock()
                self._told(delivery)
                logger.warning(
                    "lock lost: job %s of %s; another worker may run it again, "
                    "this outcome will not count",
                    delivery.job.id,
                    queue.name,
                )


def _needs_lock(delivery: Delivery) -> bool:
    return not (delivery.moved or delivery.committing)
