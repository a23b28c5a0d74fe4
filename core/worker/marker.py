"""The marker service: sleeps in Redis until a queue may have work (protocol 4.5 and 4.6). For
workers of several queues, and where a connection cannot be watched; else see `standby`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ..clock import now_ms
from ..errors import BullrushError
from ..queue import Queue
from .pause import GrowingPause
from .service import Service

logger = logging.getLogger("bullrush.worker")

#: A sleep that ends no later than this, s, after its time has a connection that still works.
GRACE = 5.0
#: Older servers round shorter timeouts to 0, which means for ever.
SHORTEST_SLEEP = 0.002


class MarkerService(Service):
    """Waits on the marker of one queue while the consumer has armed it, on a connection of its own
    that carries the worker's name.

    Args:
        queue: the queue.
        worker: the name of the worker, may be empty.
        worker_id: unique in the fleet.
        drain_delay: s after which it wakes the consumer anyway.
    """

    def __init__(self, queue: Queue, worker: str, worker_id: str, drain_delay: float) -> None:
        super().__init__(f"marker-{queue.name}", 0.0)
        self.queue = queue
        self.drain_delay = drain_delay
        #: Told when the queue may have work. Set by the worker before the start; safe from any
        #: thread.
        self.woken: Callable[[], None] = lambda: None
        #: Told of the due time of a delayed job that came meanwhile, Unix ms. The sleep goes on: an
        #: idle Redis would end it only when its clock ticks, ten times a second.
        self.expects: Callable[[int], None] = lambda due_ms: None
        self._armed = threading.Event()
        self._wake_key = queue.keys.wake(worker_id)
        name = queue.keys.client_name(worker)
        self._connection = queue.driver.dedicated(name, drain_delay + GRACE)
        self._pause = GrowingPause()

    def arm(self) -> None:
        """Sleep until there is a marker."""
        self.start()
        self._armed.set()

    def tick(self) -> None:
        """Wait once, then tell the consumer."""
        self._armed.wait()
        if self._stopping.is_set():
            return
        try:
            self._sleep()
        except BullrushError as error:
            logger.warning("waiting for %s: %s", self.queue.name, error)
            self._stopping.wait(self._pause.next())
        else:
            self._pause.reset()
        self._armed.clear()
        if self._stopping.is_set():
            self.hand_on()
        self.woken()

    def hand_on(self) -> None:
        """A marker was taken by a worker that cannot fetch now: wake another one."""
        try:
            self.queue.driver.execute(("ZADD", self.queue.keys.marker, 0, "0"))
        except BullrushError as error:
            logger.warning("waking others for %s: %s", self.queue.name, error)

    def _sleep(self) -> None:
        """Until a job may be there, or the time is up."""
        timeout = f"{max(self.drain_delay, SHORTEST_SLEEP):.3f}"
        command = ("BZPOPMIN", self.queue.keys.marker, self._wake_key, timeout)
        while not self._stopping.is_set():
            popped = self._connection.execute(command)
            score = int(float(popped[2])) if popped else 0
            if score <= now_ms():
                return
            self.expects(score)

    def wake(self) -> None:
        """End the sleep: by a key of this worker alone, which works over every driver."""
        self._armed.set()
        if self._thread is None:
            return
        try:
            self.queue.driver.execute_many(
                [("ZADD", self._wake_key, 0, "stop"), ("PEXPIRE", self._wake_key, 5000)]
            )
        except BullrushError:
            self._connection.close()

    def stop(self, timeout: float = 5.0) -> None:
        """See `Service`."""
        super().stop(timeout)
        self._connection.close()
