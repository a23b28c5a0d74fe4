"""Deliveries in child processes, which may be killed and replaced."""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import multiprocessing.connection
import pickle
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..delivery import Delivery, Finished
from ..errors import InvalidOption, TimeLimitExceeded, WorkerLostError
from . import wire
from .base import Freed, Report, Work
from .child import Plan, child_main
from .handle import ChildHandle
from .starting import available_method, exit_text

logger = logging.getLogger("bullrush.worker")

#: Jobs shorter than this, s, are worth being sent ahead.
SHORT = 0.001
#: How many jobs may wait in a child while they are short.
DEEPEST = 16
#: s between two tries to start a child that did not start.
RESTART_PAUSE = 0.2
LONGEST_RESTART_PAUSE = 5.0


@dataclass(frozen=True)
class PreforkOptions:
    """Settings of a prefork pool.

    Args:
        plan: what each child gets.
        start_method: ``forkserver`` (the application is imported once, in a process without
            threads), ``spawn`` (once for each child) or ``fork`` (the child is a copy of the
            worker, threads and locks included).
        preload: modules the fork server imports before the first child.
        max_jobs: a child is replaced after that many jobs.
        max_memory: KiB; a child that holds more is replaced after its job.
        coroutines: how many running coroutines of a child do not count as slots.
        before_child: called before each child is made.
    """

    plan: Plan
    start_method: str = "forkserver"
    preload: tuple[str, ...] = ()
    max_jobs: int | None = None
    max_memory: int | None = None
    coroutines: int = 0
    before_child: Callable[[], None] | None = None


_FORK_SERVER = "bullrush.core.pools.fork_server"


class PreforkPool:
    """One supervisor thread owns the children and hears what they say.

    Args:
        slots: how many children.
        options: see `PreforkOptions`.

    Raises:
        InvalidOption: the handler cannot be sent to a child with that start method.
    """

    inline = False

    def __init__(self, slots: int, options: PreforkOptions) -> None:
        self.slots = slots
        self._options = options
        method = available_method(options.start_method)
        self._context: Any = multiprocessing.get_context(method)
        if method != "fork":
            _check_plan(options.plan)
        if method == "forkserver":
            self._context.set_forkserver_preload([_FORK_SERVER, *options.preload])
        self._leaving = self._context.RawValue("b", 0)
        self._guard = threading.RLock()
        self._children: list[ChildHandle] = []
        self._depth = 1
        self._mean = 1.0
        self._stopping = False
        self._fill_at = 0.0
        #: Children in a row that died before they were ready.
        self._stillborn = 0
        #: Whether the supervisor looks after nothing until it hears something.
        self._sleeping = False
        self._ended = threading.Event()
        self._wake_reader, self._wake_writer = multiprocessing.Pipe(duplex=False)
        self._unplaced: list[Delivery] = []

    def start(self, work: Work, report: Report, freed: Freed) -> None:
        """See `Pool`."""
        self._work, self._report, self._freed = work, report, freed
        with self._guard:
            self._fill()
        self._supervisor = threading.Thread(
            target=self._supervise, name="bullrush-supervisor", daemon=True
        )
        self._supervisor.start()

    def free(self) -> int:
        """See `Pool`."""
        with self._guard:
            return sum(child.room(self._depth) for child in self._children) - len(self._unplaced)

    def submit(self, delivery: Delivery) -> None:
        """See `Pool`."""
        with self._guard:
            self._place(delivery)

    def cancel(self, delivery: Delivery, error: BaseException) -> bool:
        """See `Pool`."""
        with self._guard:
            for child in self._children:
                number = child.number_of(delivery)
                if number is not None:
                    child.tell((wire.CANCEL, number, error))
                    return True
        return False

    def end(self, delivery: Delivery, error: BaseException, signum: int) -> bool:
        """See `Pool`. A coroutine, which shares its process, and what waits, is cancelled."""
        with self._guard:
            child = next((each for each in self._children if each.runs_alone(delivery)), None)
            if child is None:
                return self.cancel(delivery, error)
            number = child.number_of(delivery)
            assert number is not None
            child.kill(number, error, signum)
        return True

    def renew(self) -> None:
        """See `Pool`."""
        with self._guard:
            for child in self._children:
                self._retire(child)
        self._wake()

    def abandon(self, delivery: Delivery) -> None:
        """See `Pool`. Its process is killed."""
        with self._guard:
            for child in self._children:
                if child.number_of(delivery) is not None:
                    child.kill_now()

    def lose(self, delivery: Delivery) -> None:
        """See `Pool`."""
        with self._guard:
            for child in self._children:
                number = child.number_of(delivery)
                if number is not None:
                    child.tell((wire.LOST, number, delivery.job.id))

    def resize(self, slots: int) -> None:
        """See `Pool`."""
        with self._guard:
            self.slots = slots
            serving = [child for child in self._children if not child.retiring]
            for child in serving[slots:]:
                self._retire(child)
        self._wake()

    def leave(self) -> None:
        """See `Pool`."""
        self._leaving.value = 1

    def stop(self, timeout: float | None) -> bool:
        """See `Pool`. Children that have not ended by then are killed."""
        with self._guard:
            self._stopping = True
            for child in self._children:
                self._retire(child)
        self._wake()
        ended = self._ended.wait(timeout)
        if not ended:
            with self._guard:
                for child in self._children:
                    child.kill_now()
            self._ended.wait(5)
        return ended

    def pids(self) -> list[int]:
        """See `Pool`."""
        with self._guard:
            return [child.pid for child in self._children if child.pid is not None]

    def process_of(self, delivery: Delivery) -> int | None:
        """See `Pool`."""
        with self._guard:
            return next((each.pid for each in self._children if each.runs(delivery)), None)

    # -- placing deliveries; under the guard --

    def _place(self, delivery: Delivery) -> None:
        roomy = [child for child in self._children if child.room(self._depth) > 0]
        if not roomy:
            self._unplaced.append(delivery)
            return
        child = min(roomy, key=ChildHandle.load)
        child.run(delivery)
        if self._sleeping and child.deadline() is not None:
            self._sleeping = False
            self._wake()

    def _place_waiting(self) -> None:
        waiting, self._unplaced = self._unplaced, []
        for delivery in waiting:
            self._place(delivery)

    def _fill(self) -> None:
        """Start the children that are missing. Where that fails, as it does for a moment after the
        fork server was killed, it is tried again a little later.
        """
        missing = self.slots - sum(not child.retiring for child in self._children)
        if self._stopping or missing <= 0 or time.monotonic() < self._fill_at:
            return
        try:
            for _ in range(missing):
                if self._options.before_child is not None:
                    self._options.before_child()
                taken = {child.index for child in self._children}
                index = next(each for each in itertools.count(1) if each not in taken)
                child = ChildHandle(self._context, self._options, child_main, index, self._leaving)
                self._children.append(child)
        except Exception as error:
            logger.error("no child process could be started (%s), trying again", error)
            self._wait_before_filling()
        self._place_waiting()
        self._freed()

    def _wait_before_filling(self) -> None:
        pause = min(RESTART_PAUSE * 2**self._stillborn, LONGEST_RESTART_PAUSE)
        self._stillborn = min(self._stillborn + 1, 10)
        self._fill_at = time.monotonic() + pause

    def _retire(self, child: ChildHandle) -> None:
        child.retiring = True
        child.tell((wire.RECALL,))
        child.tell((wire.STOP,))

    # -- the supervisor's thread --

    def _supervise(self) -> None:
        while True:
            with self._guard:
                self._fill()
                if self._stopping and not self._children:
                    break
                sources = {child.connection: child for child in self._children}
                sentinels = {child.sentinel: child for child in self._children}
                pause = self._pause()
                self._sleeping = pause is None
            ready = multiprocessing.connection.wait(
                [*sources, *sentinels, self._wake_reader], pause
            )
            if self._wake_reader in ready:
                self._wake_reader.recv_bytes()
            for connection in ready:
                if connection in sources:
                    self._hear(sources[connection])
            for sentinel in ready:
                if sentinel in sentinels:
                    self._bury(sentinels[sentinel])
            self._look_after()
        self._ended.set()

    def _pause(self) -> float | None:
        """How long nothing needs to be done, s."""
        moments = [moment for child in self._children if (moment := child.deadline()) is not None]
        if self._fill_at > time.monotonic():
            moments.append(self._fill_at)
        if not moments:
            return None
        return max(0.0, min(moments) - time.monotonic())

    def _hear(self, child: ChildHandle) -> None:
        try:
            messages = wire.receive(child.connection)
        except (EOFError, OSError):
            # It is dying: the sentinel says so, after what it still had to say.
            self._bury(child)
            return
        reports: list[Finished] = []
        with self._guard:
            for message in messages:
                finished = self._take(child, message)
                if finished is not None:
                    reports.append(finished)
            self._place_waiting()
        self._tell(reports)

    def _take(self, child: ChildHandle, message: wire.Message) -> Finished | None:
        kind = message[0]
        if kind == wire.DONE:
            _, number, record, outcome, seconds, memory, parts = message
            delivery = child.done(number)
            self._learn(seconds)
            if self._is_spent(child, memory):
                self._replace(child)
            return Finished(delivery, outcome, record, seconds, parts) if delivery else None
        if kind == wire.READY:
            child.ready = True
            self._stillborn = 0
        elif kind == wire.STARTED:
            child.limit(message[1], message[2])
        elif kind == wire.ASYNC:
            child.became_async(message[1])
            self._freed()
        elif kind == wire.RECALLED:
            self._unplaced += child.recalled(message[1])
            if self._stopping:
                waiting, self._unplaced = self._unplaced, []
                self._tell([self._work.hand_back(delivery) for delivery in waiting])
        return None

    def _learn(self, seconds: float) -> None:
        """Short jobs are sent ahead, so that a child need not wait for the next; long ones are
        not, so that none waits behind another while a child is idle.
        """
        self._mean += (min(seconds, 1.0) - self._mean) * 0.2
        self._depth = min(self._depth + 1, DEEPEST) if self._mean < SHORT else 1

    def _is_spent(self, child: ChildHandle, memory: int) -> bool:
        most, largest = self._options.max_jobs, self._options.max_memory
        return bool((most and child.served >= most) or (largest and memory > largest))

    def _replace(self, child: ChildHandle) -> None:
        if not child.retiring:
            logger.info("child %s has served %d jobs and is replaced", child.pid, child.served)
            self._retire(child)

    def _look_after(self) -> None:
        """Hard time limits, and jobs that wait behind a long one."""
        now = time.monotonic()
        with self._guard:
            for child in self._children:
                overdue = child.overdue(now)
                if overdue is not None:
                    number, seconds = overdue
                    error = TimeLimitExceeded(seconds)
                    child.kill(number, error)
                elif child.keeps_waiting(now):
                    child.recall()

    def _bury(self, child: ChildHandle) -> None:
        """A child is gone: say what becomes of each delivery it had."""
        with self._guard:
            if child not in self._children:
                return
            self._children.remove(child)
            for message in child.last_words():
                finished = self._take(child, message)
                if finished is not None:
                    self._tell([finished])
            exit_code = child.close()
            lost, untouched = child.remains()
            self._unplaced += untouched
            if exit_code and not child.was_killed:
                logger.error("child %s died: %s", child.pid, exit_text(exit_code))
            if not child.ready and not child.retiring:
                self._wait_before_filling()
            handed: Iterable[Delivery] = ()
            if self._stopping:
                handed, self._unplaced = self._unplaced, []
        self._tell(self._work.hand_back(delivery) for delivery in handed)
        self._tell(self._fate(delivery, child, exit_code) for delivery in lost)

    def _fate(self, delivery: Delivery, child: ChildHandle, exit_code: int | None) -> Finished:
        verdict = child.verdict(delivery)
        if verdict is not None:
            return self._work.abort(delivery, verdict)
        error = WorkerLostError(f"Worker exited prematurely: {exit_text(exit_code)}")
        return self._work.lose(delivery, error)

    def _tell(self, reports: Iterable[Finished]) -> None:
        for finished in reports:
            self._report(finished)

    def _wake(self) -> None:
        self._wake_writer.send_bytes(b"!")


def _check_plan(plan: Plan) -> None:
    try:
        pickle.dumps(plan)
    except Exception as error:
        raise InvalidOption(
            f"the handler cannot be sent to a child process ({error}); define it at the top level "
            "of a module, or use start_method='fork' or pool='threads'"
        ) from None
