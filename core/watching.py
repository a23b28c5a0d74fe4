"""Watching a queue from any process: its events and its counts, handed to a log or to whatever
collects numbers.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping
from typing import TypeAlias

from .checks import check_whole
from .environment import work_settings
from .errors import BullrushError
from .event_stream import Event
from .event_stream import Listener as Handler
from .events import QueueEvents
from .queue import Queue

logger = logging.getLogger("bullrush.telemetry")

OnMetrics: TypeAlias = Callable[[dict[str, int]], object]

#: The events that are told of -> how loud.
LEVELS: dict[str, int] = {
    "completed": logging.INFO,
    "failed": logging.ERROR,
    "stalled": logging.WARNING,
    "waiting": logging.INFO,
    "error": logging.ERROR,
}


def register_queue_telemetry(
    queue: Queue,
    events: QueueEvents | None = None,
    *,
    handlers: Mapping[str, Handler | None] | None = None,
    on_metrics: OnMetrics | None = None,
    interval_ms: int | None = None,
) -> Callable[[], None]:
    """Tell what happens to the jobs of a queue, in all its workers, and how full it is.

    By default every ``completed``, ``failed``, ``stalled`` and ``waiting`` event, and every
    ``error`` of the reader, is a line of the logger ``bullrush.telemetry``. Never a job's data.

        detach = register_queue_telemetry(queue, on_metrics=lambda counts: gauge(name, counts))

    Args:
        queue: the queue.
        events: a reader to share; without it one is opened, and closed again.
        handlers: event -> what is called with the `Event` instead of the log; None for silence;
            other events of the stream (``added``, ``progress``, ...) may be named too.
        on_metrics: called with the counts by state, in a thread of its own.
        interval_ms: ms between two collections, each of which is a line ``queue.metrics`` too; else
            ``QUEUE_METRICS_INTERVAL_MS``, else a minute. 0: none.

    Returns:
        What ends it: no listener and no thread stays.

    Raises:
        InvalidOption: an interval that is no whole number of ms.
        ConnectionFailed: Redis did not answer.
    """
    wanted: dict[str, Handler | None] = {name: _log_line(queue.name, name) for name in LEVELS}
    wanted.update(handlers or {})
    given = work_settings().queue_metrics_interval_ms if interval_ms is None else interval_ms
    every = check_whole(given, "interval_ms") / 1000
    collector = _Collector(queue, on_metrics, every) if every else None
    own = events is None
    reader = events or QueueEvents(queue.name, driver=queue.driver, prefix=queue.keys.prefix)
    forget = [reader.on(name, each) for name, each in wanted.items() if each is not None]
    reader.start()
    if collector is not None:
        collector.start()

    def detach() -> None:
        for each in forget:
            each()
        if collector is not None:
            collector.stop()
        if own:
            reader.close()

    return detach


def metric_name(queue: str) -> str:
    """``queue.workflow_execute`` for the queue ``workflow.execute``: a dot would be a level of its
    own in statsd and Graphite.
    """
    return f"queue.{re.sub(r'[^A-Za-z0-9_-]', '_', queue)}"


def _log_line(queue: str, name: str) -> Handler:
    level = LEVELS[name]

    def log(event: Event) -> None:
        why = event.fields.get("failedReason") or event.fields.get("error")
        what = f"{queue} {event.name}"
        what += f": job {event.job_id}" if event.job_id else ""
        details = {"queue": queue, "event": event.name, "job_id": event.job_id}
        logger.log(level, "%s%s", what, f": {why}" if why else "", extra=details)

    return log


class _Collector(threading.Thread):
    """Counts now and then until it is stopped."""

    def __init__(self, queue: Queue, on_metrics: OnMetrics | None, interval: float) -> None:
        super().__init__(name="bullrush-telemetry", daemon=True)
        self._queue, self._on_metrics, self._interval = queue, on_metrics, interval
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(self._interval):
            self._collect()

    def stop(self) -> None:
        self._stopping.set()
        if self is not threading.current_thread():
            self.join(5)

    def _collect(self) -> None:
        try:
            counts = self._queue.get_job_counts()
        except BullrushError as error:
            logger.warning("queue.metrics %s: %s", self._queue.name, error)
            return
        shown = " ".join(f"{state}={count}" for state, count in counts.items())
        details = {"queue": self._queue.name, "counts": counts}
        logger.info("queue.metrics %s %s", self._queue.name, shown, extra=details)
        if self._on_metrics is not None:
            try:
                self._on_metrics(counts)
            except Exception:
                logger.exception("on_metrics of %s raised", self._queue.name)
