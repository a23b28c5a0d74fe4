"""A sign of life from Redis within a bounded time, whatever the network does, and whether what it
holds outlives it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .drivers import Driver
from .errors import BullrushError, QueueNotReady

logger = logging.getLogger(__name__)
T = TypeVar("T")

#: s after which a Redis that has not answered is unreachable. Probes often give up after 2 s.
PATIENCE = 1.5


@dataclass(frozen=True)
class Sign:
    """A sign of life.

    Args:
        latency_ms: how long a round trip took.
        durable: whether Redis writes to a disk (AOF or snapshots); None when it does not tell.
        volatile: whether the data is only in the memory of this process.
        own_server: whether it is in a server that this process has started for itself.
    """

    latency_ms: float
    durable: bool | None
    volatile: bool
    own_server: bool = False

    @property
    def driver(self) -> str:
        """How health answers call the kind of queue."""
        return "inmemory" if self.volatile else "bullmq"


def examine(driver: Driver) -> Sign:
    """Ask Redis how it is: two round trips.

    Raises:
        ConnectionFailed: it did not answer.
    """
    started = time.perf_counter()
    driver.execute(("PING",))
    latency_ms = round((time.perf_counter() - started) * 1000, 3)
    durable = False if driver.volatile else _is_durable(driver)
    return Sign(latency_ms, durable, driver.volatile, driver.own_server)


def _is_durable(driver: Driver) -> bool | None:
    """INFO tells of the AOF, but not whether snapshots are configured; a user may ask neither."""
    info, save = driver.execute_many([("INFO", "persistence"), ("CONFIG", "GET", "save")])
    known = not isinstance(info, BullrushError)
    if known and b"aof_enabled:1" in info:
        return b"aof_last_write_status:err" not in info
    if isinstance(save, BullrushError) or not save:
        return None
    return True if save[1].strip() else (False if known else None)


class Bounded(Generic[T]):
    """Asks something in a thread, so that nobody waits for longer than he wants to.

    Looking up a host name has no timeout, and that of a driver is longer than a probe waits. It is
    asked once at a time: while Redis is away, everybody waits for the same answer, and no threads
    pile up.

    Args:
        question: asked in the thread; a `BullrushError` is no answer.
    """

    def __init__(self, question: Callable[[], T]) -> None:
        self._question = question
        self._guard = threading.Lock()
        self._asking: _Asking[T] | None = None

    def answer(self, patience: float = PATIENCE) -> T | None:
        """The answer; None when there was none within `patience` s."""
        with self._guard:
            if self._asking is None or self._asking.ended.is_set():
                self._asking = _Asking(self._question)
                self._asking.start()
            asking = self._asking
        asking.ended.wait(patience)
        return asking.answer


class _Asking(threading.Thread, Generic[T]):
    def __init__(self, question: Callable[[], T]) -> None:
        super().__init__(name="bullrush-ping", daemon=True)
        self._question = question
        self.ended = threading.Event()
        self.answer: T | None = None

    def run(self) -> None:
        try:
            self.answer = self._question()
        except BullrushError as error:
            logger.warning("no answer: %s", error)
        finally:
            self.ended.set()


def assert_queue_is_ready(driver: Driver, timeout: float = 5.0) -> Sign:
    """Ask for a sign of life before anything is built on the queue.

    Args:
        driver: such as ``queue.driver``.
        timeout: s.

    Raises:
        QueueNotReady: Redis did not answer by then.
    """
    sign = Bounded(lambda: examine(driver)).answer(timeout)
    if sign is None:
        raise QueueNotReady(f"Redis at {driver.location} did not answer within {timeout:g} s")
    return sign


def queue_shown(sign: Sign | None) -> dict[str, Any]:
    """The part ``queue`` of every health answer. It says whether, never where."""
    return {
        "status": "unreachable" if sign is None else "ready",
        "latencyMs": None if sign is None else sign.latency_ms,
        "durable": None if sign is None else sign.durable,
        "driver": "bullmq" if sign is None else sign.driver,
    }


def is_ready(sign: Sign | None) -> bool:
    """Whether work may be sent here: Redis answers, and its data outlives this process."""
    return sign is not None and not (sign.volatile or sign.own_server)
