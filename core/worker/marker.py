"""The marker service: sleeps in Redis until a queue may have work (protocol 4.5 and 4.6)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ..calls import Command
from ..clock import now_ms
from ..errors import BullrushError
from ..queue import Queue
from .pause import GrowingPause
from .service import Service

logger = logging.getLogger("bullrush.worker")

#: A sleeper asks again at least this often, s, in case a wake-up was lost.
LONGEST_SLEEP = 10.0
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
        self._armed = threading.Event()
        self._due_ms = 0
        self._wake_key = queue.keys.wake(worker_id)
        longest = max(LONGEST_SLEEP, drain_delay) + GRACE
        self._connection = queue.driver.dedicated(queue.keys.client_name(worker), longest)
        self._pause = GrowingPause()

    def arm(self, due_ms: int) -> None:
        """Sleep until there is a marker, at most until `due_ms` (Unix ms; 0 for no such time)."""
        self._due_ms = due_ms
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
        """Until a job may be there, a delayed job is due, or the time is up."""
        due_ms = self._due_ms
        while not self._stopping.is_set():
            popped = self._connection.execute(self._pop(due_ms))
            # A popped due time that is still ahead is remembered here: the marker itself is gone.
            score = int(float(popped[2])) if popped else 0
            if score <= now_ms():
                return
            due_ms = min(due_ms, score) if due_ms else score

    def _pop(self, due_ms: int) -> Command:
        if due_ms:
            timeout = min(max((due_ms - now_ms()) / 1000, SHORTEST_SLEEP), LONGEST_SLEEP)
        else:
            timeout = max(self.drain_delay, SHORTEST_SLEEP)
        return ("BZPOPMIN", self.queue.keys.marker, self._wake_key, f"{timeout:.3f}")

    def wake(self) -> None:
        """End the sleep: by a key of this worker alone, which works over every driver."""
        self._armed.set()
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
