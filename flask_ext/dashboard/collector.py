"""One reader of Redis for all dashboards of a process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bullrush.core.calls import Command
from bullrush.core.catalogue import Catalogue
from bullrush.core.clock import now_ms
from bullrush.core.deploys import Deploy, deploys_call
from bullrush.core.drivers import Driver
from bullrush.core.errors import BullrushError
from bullrush.core.history import Window
from bullrush.core.snapshot import QueueSnapshot, take
from bullrush.core.thresholds import Finding, Thresholds, judge

from ..server import COMMANDS, NO_ANSWER, ServerState, server_state
from .history import WINDOWS, Gauges, Series, commands_for, read_series, summed
from .recent import Recent, sample, sample_commands

logger = logging.getLogger("bullrush.flask_ext")

#: s between two looks at the queues.
PERIOD = 1.0
#: s between two looks at what ended lately, and at the server's settings.
SLOW_PERIOD = 10.0
#: s for which it goes on after the last one has stopped listening.
LINGER = 60.0

_HOUR = WINDOWS["1h"]


@dataclass(frozen=True)
class Reading:
    """What all dashboards show.

    Args:
        version: counts the readings of this process.
        at: Unix ms.
        queues: how they stand, by name.
        series: name -> what ended in the last hour.
        total: that of all queues.
        gauges: name of a number -> its values in the last hour.
        recent: what ended lately.
        server: Redis itself.
        deploys: the last deployments, the newest first.
        findings: what is above its limit.
        complete: whether all queues have been found.
        latency: ms that Redis took for the queues.
        away: whether Redis has not answered since; everything else is as it was at `at`.
    """

    version: int = 0
    at: int = 0
    queues: tuple[QueueSnapshot, ...] = ()
    series: Mapping[str, Series] = field(default_factory=dict)
    total: Series = field(default_factory=lambda: summed([], _HOUR))
    gauges: Mapping[str, Sequence[float]] = field(default_factory=dict)
    recent: Recent = field(default_factory=Recent)
    server: ServerState = NO_ANSWER
    deploys: Sequence[Deploy] = ()
    findings: Sequence[Finding] = ()
    complete: bool = False
    latency: float = 0.0
    away: bool = False


class Collector:
    """Reads at most once in `PERIOD`, however many ask. A thread does it while anybody listens;
    else it is done when somebody asks.

    Args:
        driver: gives the driver.
        prefix: what the keys of all queues start with.
        catalogue: knows which queues there are.
        redacted: a text as it may be shown.
        thresholds: limits of the queues, see `bullrush.core.thresholds.judge`.
    """

    def __init__(
        self,
        driver: Callable[[], Driver],
        prefix: str,
        catalogue: Catalogue,
        redacted: Callable[[str], str] = str,
        thresholds: Mapping[str, Thresholds | None] | None = None,
    ) -> None:
        self._thresholds = thresholds or {}
        self._driver, self._prefix, self._redacted = driver, prefix, redacted
        self._catalogue = catalogue
        self._reading_guard = threading.Lock()
        self._news = threading.Condition()
        self._reading = Reading()
        #: When the last reading began; one that began before `_expired` is old.
        self._read_at = self._slowly_at = self._failed_at = self._expired = float("-inf")
        self._failure: BullrushError | None = None
        self._gauges = Gauges()
        self._listeners = 0
        self._last_listener = 0.0
        self._thread: threading.Thread | None = None
        self._closed = False

    def current(self, max_age: float = PERIOD) -> Reading:
        """What is known, read anew when it is older than `max_age` s. Those who wait for a reading
        share its failure, too: a Redis that hangs must not keep a thread after the other.

        Raises:
            ConnectionFailed: Redis did not answer, now or less than `max_age` s before.
        """
        asked = time.monotonic()
        if self._is_fresh(max_age):
            return self._reading
        with self._reading_guard:
            if self._failure is not None and asked - self._failed_at <= max_age:
                raise self._failure
            if not self._is_fresh(max_age):
                self._read_anew()
            return self._reading

    def expire(self) -> None:
        """Somebody has changed a queue: whoever asks next reads anew."""
        self._expired = time.monotonic()

    def _is_fresh(self, max_age: float) -> bool:
        return self._read_at >= self._expired and time.monotonic() - self._read_at <= max_age

    def _read_anew(self) -> None:
        begun = time.monotonic()
        try:
            self._publish(self._read(), begun)
        except BullrushError as error:
            self._failure, self._failed_at = error, time.monotonic()
            raise

    def recent(self) -> tuple[QueueSnapshot, ...]:
        """The queues as they were read last, if that was within `PERIOD`; else none."""
        return self._reading.queues if self._is_fresh(PERIOD) else ()

    def hour_of(self, queue: QueueSnapshot) -> Series:
        """What ended in one queue in the last hour.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        known = self._reading.series.get(queue.name)
        fresh = time.monotonic() - self._slowly_at <= 2 * SLOW_PERIOD
        return known if known and fresh else self._series([queue], _HOUR, now_ms())[queue.name]

    def listen(self) -> None:
        """Somebody wants news; `leave` comes later."""
        with self._news:
            self._listeners += 1
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(
                    target=self._loop, name="bullrush-dashboard", daemon=True
                )
                self._thread.start()

    def leave(self) -> None:
        """The other end of `listen`."""
        with self._news:
            self._listeners -= 1
            self._last_listener = time.monotonic()

    def newer(self, version: int, timeout: float) -> Reading | None:
        """A reading after `version`, as soon as there is one; None when there is none in time."""
        with self._news:
            self._news.wait_for(lambda: self._closed or self._reading.version > version, timeout)
            return self._reading if self._reading.version > version else None

    def close(self) -> None:
        """End the thread, and let all who wait go."""
        with self._news:
            self._closed = True
            self._news.notify_all()

    @property
    def listeners(self) -> int:
        """How many listen."""
        return self._listeners

    @property
    def closed(self) -> bool:
        """Whether it reads no more."""
        return self._closed

    def series(self, window: Window, name: str | None = None) -> Series:
        """What ended in a window, in one queue or in all, read now.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        queues = [each for each in self.current().queues if name in (None, each.name)]
        return summed(list(self._series(queues, window, now_ms()).values()), window)

    def _loop(self) -> None:
        while self._goes_on():
            try:
                self.current(PERIOD / 2)
            except BullrushError as error:
                logger.warning("dashboard: %s", error)
                self._tell_that_it_is_away()
            except Exception:
                # One bad reading must not end the live pages of all.
                logger.exception("dashboard: a reading failed")
            with self._news:
                self._news.wait_for(lambda: self._closed, PERIOD)

    def _goes_on(self) -> bool:
        with self._news:
            idle = not self._listeners and time.monotonic() - self._last_listener > LINGER
            if self._closed or idle:
                self._thread = None
                return False
            return True

    def _tell_that_it_is_away(self) -> None:
        """Live pages must not look as if all were well."""
        with self._news:
            if not self._reading.away:
                version = self._reading.version + 1
                self._reading = replace(self._reading, version=version, away=True)
                self._news.notify_all()

    def _publish(self, reading: Reading, begun: float) -> None:
        with self._news:
            self._reading = replace(reading, version=self._reading.version + 1)
            self._read_at, self._failure = begun, None
            self._news.notify_all()

    def _read(self) -> Reading:
        names, now, started = self._catalogue.look(), now_ms(), time.perf_counter()
        queues = tuple(take(self._driver(), self._prefix, names, now=now))
        latency = (time.perf_counter() - started) * 1000
        self._gauges.note(now, _numbers(queues))
        slow = self._reading
        if time.monotonic() - self._slowly_at > SLOW_PERIOD:
            slow = self._read_slowly(queues, now)
            self._slowly_at = time.monotonic()
        return replace(
            slow,
            at=now,
            queues=queues,
            gauges={name: self._gauges.series(name, now) for name in _numbers(())},
            findings=judge(queues, self._thresholds),
            complete=self._catalogue.complete,
            latency=latency,
            away=False,
        )

    def _read_slowly(self, queues: Sequence[QueueSnapshot], now: int) -> Reading:
        """What need not be known each second, in two round trips."""
        driver, marks = self._driver(), deploys_call(self._prefix)
        ended, newest = self._ended(queues, _HOUR, now), sample_commands(self._prefix, queues)
        replies = driver.execute_many([*ended, *newest, *COMMANDS, marks.command])
        series = self._series_in(replies[: len(ended)], queues, _HOUR, now)
        ids = replies[len(ended) : len(ended) + len(newest)]
        *said, marked = replies[len(ended) + len(newest) :]
        return replace(
            self._reading,
            recent=sample(driver, self._prefix, queues, ids, self._redacted),
            server=server_state(driver, said),
            series=series,
            total=summed(list(series.values()), _HOUR),
            deploys=[] if isinstance(marked, BullrushError) else marks.read(marked),
        )

    def _series(
        self, queues: Sequence[QueueSnapshot], window: Window, now: int
    ) -> dict[str, Series]:
        commands = self._ended(queues, window, now)
        replies = self._driver().execute_many(commands) if commands else []
        return self._series_in(replies, queues, window, now)

    def _ended(self, queues: Sequence[QueueSnapshot], window: Window, now: int) -> list[Command]:
        """What to ask for the series of these queues."""
        return [
            command
            for queue in queues
            for command in commands_for(queue, self._prefix, window, now)
        ]

    @staticmethod
    def _series_in(
        replies: Sequence[Any], queues: Sequence[QueueSnapshot], window: Window, now: int
    ) -> dict[str, Series]:
        left = iter(replies)
        return {queue.name: read_series(queue, left, window, now) for queue in queues}


def _numbers(queues: tuple[QueueSnapshot, ...]) -> dict[str, float]:
    """The numbers whose past nobody stores."""
    workers = {each.id: each for queue in queues for each in queue.workers}
    return {
        "waiting": sum(queue.waiting for queue in queues),
        "oldest": max((queue.oldest_waiting or 0 for queue in queues), default=0),
        "busy": sum(queue.counts["active"] for queue in queues),
        "slots": sum(each.slots for each in workers.values()),
    }
