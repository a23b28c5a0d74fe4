"""Standing by: a fetch that waits in Redis for its job."""

from __future__ import annotations

import time
from dataclasses import replace

from .. import clock
from ..calls import Call
from ..errors import BullrushError, ServerError
from ..queue import Queue
from ..trip import Reply, Request, commit_and_fetch
from .marker import GRACE, SHORTEST_SLEEP
from .reclaim import LostFetch

#: s until the clock of the server is compared again.
_COMPARE = 60.0


class Standby:
    """Sleeps on the marker of a queue (protocol 4.5), and has sent the fetch behind it already:
    Redis runs that as soon as the sleep ends, so a job starts without one more round trip. The
    caller watches the connection, so that its own timers need not wait for the clock of an idle
    Redis, which ticks ten times a second.

    Only for the sole queue of a worker: what is fetched was asked for before the sleep. Used by the
    consumer's thread.

    Args:
        queue: the queue, on a driver that is `watchable`.
        worker: the name of the worker, may be empty.
        worker_id: unique in the fleet.
        drain_delay: s after which it looks anyway.
    """

    def __init__(self, queue: Queue, worker: str, worker_id: str, drain_delay: float) -> None:
        self._queue = queue
        self._name = queue.keys.client_name(worker)
        self._wake_key = queue.keys.wake(worker_id)
        self._timeout = max(drain_delay, SHORTEST_SLEEP)
        self._connection = queue.driver.dedicated(self._name, GRACE)
        #: What it asks for while it is out; else None.
        self.request: Request | None = None
        self._call: Call[Reply] | None = None
        self._deadline = 0.0
        self._called_off = False
        #: Whether the last sleep ended by its own time.
        self._quiet = False
        #: μs; when it was found out, monotonic s.
        self._skew, self._compared = 0, -_COMPARE
        #: The server's number of the connection; 0 when it does not tell.
        self._client_id: int | None = None
        #: What was sent and did not come back.
        self.lost: list[LostFetch] = []

    @property
    def out(self) -> bool:
        """Whether it waits in Redis."""
        return self.request is not None

    def depart(self, request: Request) -> None:
        """Go to sleep.

        Raises:
            BullrushError: as `Driver.execute`.
        """
        if self._client_id is None:
            self._client_id = self._ask_client_id()
        self._compare_clocks()
        request = replace(request, skew=self._skew)
        call = commit_and_fetch(self._queue.keys, [], request)
        # Where nothing came for that long it may take twice as long until something does.
        timeout = self._timeout * (2 if self._quiet else 1)
        sleep = ("BZPOPMIN", self._queue.keys.marker, self._wake_key, f"{timeout:.3f}")
        self._call, self.request, self._called_off = call, request, False
        self._connection.send([sleep, call.command])
        self._deadline = time.monotonic() + timeout + GRACE

    def fileno(self) -> int:
        """Readable when it comes back."""
        return self._connection.fileno()

    def overdue_in(self) -> float:
        """s until it will not come back any more."""
        return self._deadline - time.monotonic()

    def call_off(self) -> None:
        """End the sleep: it comes back with what there is. A second call does nothing.

        Raises:
            BullrushError: as `Driver.execute`.
        """
        if not self._called_off:
            self._called_off = True
            wake = [("ZADD", self._wake_key, 0, "now"), ("PEXPIRE", self._wake_key, 5000)]
            self._queue.driver.execute_many(wake)

    def arrive(self) -> Reply:
        """Take what it brings. Blocks until it is back.

        Raises:
            BullrushError: as `Driver.execute`.
        """
        call = self._call
        assert call is not None
        slept, reply = self._connection.receive(2)
        self.request = self._call = None
        for each in (slept, reply):
            if isinstance(each, BullrushError):
                raise each
        self._quiet = slept is None
        return call.read(reply)

    def doubt_clocks(self) -> None:
        """One of them was set: compare them again before the next sleep."""
        self._compared = -_COMPARE

    def drop(self) -> None:
        """It will not come back: leave the connection."""
        if self.request is not None:
            lost = LostFetch(self.request.token, self._client_id or None, self._name)
            self.lost.append(lost)
        self.close()
        self._client_id = None
        self._connection = self._queue.driver.dedicated(self._name, GRACE)

    def close(self) -> None:
        """Leave it for good."""
        self.request = self._call = None
        self._connection.close()

    def _ask_client_id(self) -> int:
        """0 when this user may not know."""
        try:
            return int(self._connection.execute(("CLIENT", "ID")))
        except ServerError:
            return 0

    def _compare_clocks(self) -> None:
        """Learn how far this clock is ahead of the server's."""
        if time.monotonic() - self._compared < _COMPARE:
            return
        before = clock.source()
        seconds, micros = self._connection.execute(("TIME",))
        here = (before + clock.source()) // 2000
        self._skew = here - int(seconds) * 1_000_000 - int(micros)
        self._compared = time.monotonic()
