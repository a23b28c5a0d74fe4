"""What a worker tells of itself and of its tasks, for those who hear `bullrush.events`.

Its own thread puts the events into words and writes all that came in a tenth of a second at once;
the worker's other threads only note what happened. Until somebody enables task events there is
neither the thread nor a listener.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from bullrush.core.delivery import Delivery, Finished
from bullrush.core.errors import BullrushError
from bullrush.core.worker import Worker
from bullrush.core.worker.service import Service
from bullrush.core.workers import BEAT_MS

from ..events.dispatcher import MOST_WAITING, EventDispatcher
from .event_fields import Noted, told_of
from .state import SOFTWARE_INFO

if TYPE_CHECKING:
    from .node import Node

logger = logging.getLogger("celery.worker.consumer.events")

#: Options of a worker that are about its heartbeat events.
HEART_OPTIONS = frozenset({"heartbeat_interval", "without_heartbeat"})
#: s for which events gather before they are written.
GATHER = 0.1
#: s between two heartbeats while task events are enabled.
FREQ = 2.0


class WorkerEvents:
    """The events of one worker.

    Args:
        node: the worker.
        worker: the core's.

    Attributes:
        dispatcher: sends them.
        freq: s between two heartbeats; 0 for none.
    """

    def __init__(self, node: Node, worker: Worker) -> None:
        self.node, self.worker = node, worker
        self.dispatcher: EventDispatcher = node.app.events.Dispatcher(
            hostname=node.hostname, buffer_group=("task",), buffer_limit=MOST_WAITING
        )
        self._asked: float | None = node.options.get("heartbeat_interval")
        self._silent = bool(node.options.get("without_heartbeat"))
        self._noted: deque[Noted] = deque(maxlen=MOST_WAITING)
        self._forget: list[Callable[[], None]] = []
        self._writer: Writer | None = None
        self._there = False
        self._guard = threading.Lock()

    def attach(self) -> None:
        """Live as long as the worker does."""
        self.worker.on("ready", self._ready)
        self.worker.on("heartbeat", self._recorded)
        self.worker.on("closed", self._closed)

    @property
    def enabled(self) -> bool:
        """Whether it tells of its tasks."""
        return bool(self._forget)

    @property
    def freq(self) -> float:
        """See the class."""
        if self._silent:
            return 0.0
        return self._asked or (FREQ if self.enabled else BEAT_MS / 1000)

    def enable(self) -> bool:
        """Tell of tasks from now on; whether that is new."""
        with self._guard:
            if self._forget:
                return False
            self._forget = [
                self.worker.on("active", lambda each: self._note("received", each)),
                self.worker.on("started", lambda each: self._note("started", each)),
                self.worker.on("finished", self._note_end),
            ]
            if self._there:
                self._write_often()
            return True

    def disable(self) -> bool:
        """Tell of tasks no more; whether that is new."""
        with self._guard:
            if not self._forget:
                return False
            for each in self._forget:
                each()
            self._forget = []
            return True

    def beat(self, kind: str = "heartbeat") -> None:
        """Say that the worker is there."""
        if self.freq:
            self._send(kind)

    def flush(self) -> None:
        """Write what was noted."""
        count = len(self._noted)
        for _ in range(count):
            noted = self._noted.popleft()
            try:
                told = told_of(self.node, noted)
                if told is not None:
                    self.dispatcher.send(told[0], timestamp=noted.moment, **told[1])
            except Exception:
                logger.exception("no event was made of what came of %r", noted.delivery)
        self.dispatcher.flush()

    # -- in the worker's own threads --

    def _note(self, kind: str, delivery: Delivery, finished: Finished | None = None) -> None:
        self._noted.append(Noted(kind, time.time(), delivery, finished))
        if self._writer is not None:
            self._writer.there.set()

    def _note_end(self, finished: Finished) -> None:
        self._note("ended", finished.delivery, finished)

    def _ready(self) -> None:
        if self.node.app.conf.worker_send_task_events:
            self.enable()
        self.beat("online")
        self._there = True
        if self.enabled or self._asked:
            self._write_often()

    def _recorded(self) -> None:
        if self._there and self._writer is None:
            self.beat()

    def _closed(self) -> None:
        if self._writer is not None:
            self._writer.stop()
        self.flush()
        self.beat("offline")

    def _write_often(self) -> None:
        if self._writer is None:
            self._writer = Writer(self)
            self._writer.start()

    def _send(self, kind: str) -> None:
        running = self.worker.running()
        try:
            self.dispatcher.send(
                f"worker-{kind}",
                freq=self.freq,
                active=sum(self.worker.process_of(each) is not None for each in running),
                processed=sum(self.node.counts.values()),
                loadavg=[round(each, 2) for each in os.getloadavg()],
                **SOFTWARE_INFO,
            )
        except BullrushError as error:
            logger.warning("no %s event: %s", kind, error)


class Writer(Service):
    """Writes what was noted soon after it was, and heartbeats.

    Args:
        events: the worker's.
    """

    def __init__(self, events: WorkerEvents) -> None:
        super().__init__("events", 0.0)
        self._events = events
        self._beaten = time.monotonic()
        #: Set when there is something to write.
        self.there = threading.Event()

    def tick(self) -> None:
        """Wait for something to write, or for the next heartbeat."""
        freq = self._events.freq
        rest = self._beaten + freq - time.monotonic() if freq else None
        if rest is not None and rest <= 0:
            self._beaten = time.monotonic()
            self._events.beat()
        elif self.there.wait(rest):
            self._stopping.wait(GATHER)
            self.there.clear()
            self._events.flush()

    def wake(self) -> None:
        """See `Service`."""
        self.there.set()
