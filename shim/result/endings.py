"""The ends of the tasks of one queue, as its one event reader tells them: whoever waits is woken,
and those who come a little later find what they missed.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from queue import Empty, SimpleQueue
from typing import Protocol

from bullrush.core import Event, QueueEvents

#: So many of the last ends are kept, those with a value longer than the second without it.
KEPT, _LONGEST = 10_000, 1024


class Told(Protocol):
    """Whoever wants to know."""

    def tell(self, event: Event, /) -> None:
        """A job has ended. Called in the thread of the reader."""


class Waiter:
    """Is told of the ends of the jobs it waits for. Used by one thread."""

    def __init__(self) -> None:
        self._told: SimpleQueue[Event] = SimpleQueue()

    def tell(self, event: Event, /) -> None:
        """See `Told`."""
        self._told.put(event)

    def wait(self, seconds: float) -> list[Event]:
        """What has come, after at most so many s; nothing when nothing has."""
        events = list[Event]()
        try:
            events.append(self._told.get(timeout=max(0.0, seconds)))
            while True:
                events.append(self._told.get_nowait())
        except Empty:
            return events


class Endings:
    """The ends of one queue's jobs.

    Args:
        events: its reader.

    Attributes:
        count: how many ends were seen so far, from a number on that no earlier reader has reached;
            see `missed`.
    """

    def __init__(self, events: QueueEvents) -> None:
        self.events = events
        # A mark of an earlier reader, before a fork or a reconnection of the application, is older
        # than all that this one has seen.
        self.count = time.monotonic_ns()
        self._guard = threading.Lock()
        self._recent: dict[str, Event] = {}
        self._order: deque[str] = deque()
        self._waiters: dict[str, tuple[Told, ...]] = {}
        events.on("completed", self._ended)
        events.on("failed", self._ended)
        events.on("progress", self._told)

    def start(self) -> Endings:
        """Have the reader run. Raises `ConnectionFailed` when Redis does not answer."""
        self.events.start()
        return self

    def recent(self, job_id: str) -> Event | None:
        """The end of a job, if it was among the last ones."""
        return self._recent.get(job_id)

    def missed(self, mark: int) -> bool:
        """Whether an end may have been dropped that was seen after `count` was `mark`."""
        return self.count - mark > KEPT

    def add(self, waiter: Told, job_ids: Iterable[str]) -> None:
        """Have a waiter told of the ends of these jobs from now on."""
        with self._guard:
            for job_id in job_ids:
                self._waiters[job_id] = (*self._waiters.get(job_id, ()), waiter)

    def remove(self, waiter: Told, job_ids: Iterable[str]) -> None:
        """Tell a waiter no more."""
        with self._guard:
            for job_id in job_ids:
                rest = tuple(w for w in self._waiters.get(job_id, ()) if w is not waiter)
                if rest:
                    self._waiters[job_id] = rest
                else:
                    self._waiters.pop(job_id, None)

    def _ended(self, event: Event) -> None:
        """First remembered, then told: who adds a waiter and then looks at `recent` misses
        nothing.
        """
        job_id = event.job_id
        self._remember(job_id, event)
        for waiter in self._waiters.get(job_id, ()):
            waiter.tell(event)

    def _told(self, event: Event) -> None:
        """A state of one's own; one that means an end is heard by those who wait."""
        waiters = self._waiters.get(event.job_id, ())
        if waiters and '"state"' in event.fields.get("data", ""):
            for waiter in waiters:
                waiter.tell(event)

    def _remember(self, job_id: str, event: Event) -> None:
        short = len(event.fields.get("returnvalue", "")) <= _LONGEST
        self._recent[job_id] = event if short else Event(event.id, event.name, job_id, {})
        self._order.append(job_id)
        self.count += 1
        if len(self._order) > KEPT:
            self._recent.pop(self._order.popleft(), None)
