"""The child process of a prefork pool: runs deliveries in its main thread, one after the other, and
coroutines on a loop beside it.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from ..batch import BatchDelivery
from ..delivery import Delivery, Finished
from ..drivers import connect
from ..errors import SoftTimeLimitExceeded
from ..job import Job
from ..outcome import Completed, Outcome
from ..queue import Queue
from . import group_signals, wire
from .alarms import Alarms
from .base import Work
from .interruption import Interruptible, SignalInterruptible
from .loop import Coroutines

logger = logging.getLogger("bullrush.worker")

_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024 if hasattr(os, "sysconf") else 4


@dataclass(frozen=True)
class Plan:
    """What a child needs to know, in a form that can be pickled.

    Args:
        work: runs deliveries.
        url: where Redis is, for what handlers do with their queue.
        worker_name: the worker's name.
        prepare: called once, before the first delivery; for log settings and signals of an
            application.
        watch_memory: whether to say with each outcome how much memory it holds.
    """

    work: Work
    url: str
    worker_name: str
    prepare: Callable[[], None] | None = None
    watch_memory: bool = False


def child_main(
    connection: Connection, plan: Plan, current: Any, condemned: Any, leaving: Any
) -> None:
    """The whole life of a child."""
    if hasattr(signal, "SIGUSR1"):
        signal.signal(signal.SIGUSR1, SignalInterruptible.on_signal)
    group_signals.overhear(condemned, leaving)
    if plan.prepare is not None:
        plan.prepare()
    Child(connection, plan, current).run()


class Child:
    """Reads messages in a thread and runs deliveries in the main thread.

    Args:
        connection: to the worker.
        plan: see `Plan`.
        current: shared memory for the number of the delivery in the main thread, so that the worker
            knows it when this process is dead.
    """

    def __init__(self, connection: Connection, plan: Plan, current: Any) -> None:
        self._current = current
        self._connection, self._plan = connection, plan
        self._work = plan.work
        self._queues: dict[tuple[str, str], Queue] = {}
        self._waiting: deque[tuple[int, Delivery]] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._numbers: dict[Delivery, int] = {}
        self._running: tuple[int, Any] | None = None
        self._cancelled: dict[int, BaseException] = {}
        self._sending = threading.Lock()
        self._alarms = Alarms()
        self._coroutines = Coroutines(plan.work, self._report)
        self._idle = threading.Condition()

    def run(self) -> None:
        """Until the worker says stop, or is gone."""
        threading.Thread(target=self._read, name="bullrush-messages", daemon=True).start()
        self._tell((wire.READY, os.getpid()))
        while (item := self._next()) is not None:
            self._run(*item)
        with self._idle:
            self._idle.wait_for(lambda: not self._numbers)
        self._coroutines.stop()

    def _next(self) -> tuple[int, Delivery] | None:
        with self._changed:
            while not self._waiting:
                if self._stopping:
                    return None
                self._changed.wait()
            return self._waiting.popleft()

    def _run(self, number: int, delivery: Delivery) -> None:
        self._numbers[delivery] = number
        self._current.value = number
        limits = self._work.limits(delivery)
        if limits.hard:
            self._tell((wire.STARTED, number, limits.hard))
        run: Any = SignalInterruptible() if hasattr(signal, "SIGUSR1") else Interruptible()
        alarm = None
        if limits.soft:
            error = SoftTimeLimitExceeded(f"the soft time limit of {limits.soft} s is over")
            alarm = self._alarms.set(limits.soft, lambda: run.end(error))
        self._running = (number, run)
        if number in self._cancelled:
            run.end(self._cancelled.pop(number))
        try:
            begun = self._work.begin(delivery, lambda: run)
        finally:
            self._running = None
            if alarm is not None:
                alarm.cancel()
        if isinstance(begun, Finished):
            self._report(begun)
        else:
            self._tell((wire.ASYNC, number))
            self._coroutines.spawn(begun)
        self._current.value = 0

    def _report(self, finished: Finished) -> None:
        number = self._numbers[finished.delivery]
        outcome = _sendable(finished.outcome)
        parts = tuple((_sendable(each), record) for each, record in finished.parts)
        memory = memory_kib() if self._plan.watch_memory else 0
        self._cancelled.pop(number, None)
        what = (finished.record, outcome, finished.seconds, memory, parts)
        self._tell((wire.DONE, number, *what))
        with self._idle:
            del self._numbers[finished.delivery]
            self._idle.notify()

    def _tell(self, message: wire.Message) -> None:
        try:
            with self._sending:
                wire.send(self._connection, [message])
        except OSError:
            os._exit(1)

    # -- in the thread that reads --

    def _read(self) -> None:
        while True:
            try:
                messages = wire.receive(self._connection)
            except (EOFError, OSError):
                # Without the worker no outcome can be stored, and no lock is renewed any more.
                os._exit(1)
            for message in messages:
                self._take(message)

    def _take(self, message: wire.Message) -> None:
        kind = message[0]
        if kind == wire.RUN:
            with self._changed:
                self._waiting.append((message[1], self._delivery(*message[2:])))
                self._changed.notify()
        elif kind == wire.BATCH:
            batch = BatchDelivery([self._delivery(*each) for each in message[2]])
            with self._changed:
                self._waiting.append((message[1], batch))
                self._changed.notify()
        elif kind == wire.RECALL:
            with self._changed:
                numbers = [number for number, _ in self._waiting]
                self._waiting.clear()
            self._tell((wire.RECALLED, numbers))
        elif kind == wire.CANCEL:
            self._cancel(message[1], message[2])
        elif kind == wire.LOST:
            for delivery, number in list(self._numbers.items()):
                if number == message[1]:
                    _lose_lock(delivery, message[2])
        elif kind == wire.STOP:
            with self._changed:
                self._stopping = True
                self._changed.notify()

    def _cancel(self, number: int, error: BaseException) -> None:
        """It may run, wait, be a coroutine, or be through."""
        for delivery, each in list(self._numbers.items()):
            if each == number and self._coroutines.cancel(delivery, error):
                return
        self._cancelled[number] = error
        running = self._running
        if running is not None and running[0] == number:
            running[1].end(error)
            self._cancelled.pop(number, None)

    def _delivery(
        self, name: str, prefix: str, job_id: str, stored: dict[bytes, bytes], token: str
    ) -> Delivery:
        queue = self._queues.get((name, prefix))
        if queue is None:
            queue = Queue(name, driver=self._driver(), prefix=prefix)
            self._queues[(name, prefix)] = queue
        return Delivery(Job(queue.keys.base, job_id, stored), queue, token, self._plan.worker_name)

    def _driver(self) -> Any:
        for queue in self._queues.values():
            return queue.driver
        return connect(self._plan.url)


def _sendable(outcome: Outcome) -> Outcome:
    """The value is in the record, and may not be one to be pickled."""
    return Completed() if isinstance(outcome, Completed) else outcome


def _lose_lock(delivery: Delivery, job_id: str) -> None:
    for each in delivery.members if isinstance(delivery, BatchDelivery) else (delivery,):
        if each.job.id == job_id:
            each.lose_lock()


def memory_kib() -> int:
    """What this process holds in memory now; 0 where nobody knows."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE_KIB
    except (OSError, ValueError, IndexError):
        pass
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if os.uname().sysname == "Darwin" else peak
