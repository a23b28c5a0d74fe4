"""The lock service: renews the locks of all running jobs in one call a queue (protocol 7.2)."""

from __future__ import annotations

import logging
import threading

from ..calls import Call, run
from ..delivery import Delivery
from ..queue import Queue
from ..scripts import script
from .service import Service

logger = logging.getLogger("bullrush.worker")


class LockService(Service):
    """Runs in its own thread, so that no handler can stop it.

    Args:
        lock_ms: how long a lock lives after a renewal, ms; renewed four times in that time.
    """

    def __init__(self, lock_ms: int) -> None:
        super().__init__("locks", lock_ms / 4000)
        self.lock_ms = lock_ms
        self._held: set[Delivery] = set()
        self._guard = threading.Lock()

    def hold(self, delivery: Delivery) -> None:
        """Renew this delivery's lock from now on."""
        with self._guard:
            self._held.add(delivery)

    def release(self, delivery: Delivery) -> None:
        """Its outcome is stored, or it is lost."""
        with self._guard:
            self._held.discard(delivery)

    def tick(self) -> None:
        """Renew every lock once."""
        with self._guard:
            held = list(self._held)
        for queue in {delivery.queue for delivery in held}:
            self._renew(queue, {each.job.id: each for each in held if each.queue is queue})

    def _renew(self, queue: Queue, deliveries: dict[str, Delivery]) -> None:
        for job_id in run(queue.driver, self._renewal(queue, deliveries)):
            delivery = deliveries[job_id]
            with self._guard:
                still_running = delivery in self._held
            if still_running and not delivery.lock_lost:
                delivery.lose_lock()
                logger.warning(
                    "lock lost: job %s of %s; another worker may run it again, "
                    "this outcome will not count",
                    job_id,
                    queue.name,
                )

    def _renewal(self, queue: Queue, deliveries: dict[str, Delivery]) -> Call[list[str]]:
        arguments: list[str | int] = [self.lock_ms]
        for job_id, delivery in deliveries.items():
            arguments += (job_id, delivery.token)
        return script("extend_locks").call(
            queue.keys.base, arguments, lambda ids: [each.decode() for each in ids]
        )
