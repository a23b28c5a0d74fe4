"""A child process as its pool sees it: what it was given, what it has said, what remains when it
dies. Used under the pool's guard.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..batch import BatchDelivery
from ..delivery import Delivery
from . import wire

if TYPE_CHECKING:
    from .prefork import PreforkOptions

#: A run that takes longer than this, s, must not keep others waiting in its child.
PATIENCE = 0.02
#: A coroutine is ended by the child itself; when its loop is blocked, this much later by a kill.
GRACE = 1.0


class ChildHandle:
    """Starts the process.

    Args:
        context: of multiprocessing, with the start method.
        options: the pool's.
        main: what the process runs.
        index: the number in its name, from 1.
        leaving: shared memory of all children: whether the worker is about to stop.
    """

    def __init__(
        self,
        context: Any,
        options: PreforkOptions,
        main: Callable[..., None],
        index: int,
        leaving: Any,
    ) -> None:
        self.index = index
        self.connection, theirs = context.Pipe()
        #: The number that the child's main thread runs now: shared memory, so that it can be read
        #: when the child is dead.
        self._current = context.RawValue("q", 0)
        self._condemned = context.RawValue("b", 0)
        shared = (self._current, self._condemned, leaving)
        self._process = context.Process(
            target=main, args=(theirs, options.plan, *shared), name=f"PoolWorker-{index}"
        )
        self._process.start()
        theirs.close()
        self.pid: int | None = self._process.pid
        self.sentinel: int = self._process.sentinel
        self.retiring = False
        self.ready = False
        self.served = 0
        self._extra = options.coroutines
        self._numbers = itertools.count(1)
        self._line: dict[int, Delivery] = {}
        self._coroutines: dict[int, Delivery] = {}
        self._hard: dict[int, tuple[float, float]] = {}
        self._verdicts: dict[int, BaseException] = {}
        self._since = time.monotonic()
        self._recalled = False

    def room(self, depth: int) -> int:
        """How many more deliveries it may get, when that many may be in its line. None wait behind
        a long one.
        """
        if self.retiring or (self._line and time.monotonic() >= self._since + PATIENCE):
            return 0
        surplus = max(0, len(self._coroutines) - self._extra)
        return max(0, depth - len(self._line) - surplus)

    def load(self) -> int:
        """How much it has to do."""
        return len(self._line) * 1000 + len(self._coroutines)

    def run(self, delivery: Delivery) -> None:
        """Give it a delivery."""
        number = next(self._numbers)
        if not self._line:
            self._since = time.monotonic()
        self._line[number] = delivery
        if isinstance(delivery, BatchDelivery):
            self.tell((wire.BATCH, number, [_description(each) for each in delivery.members]))
        else:
            self.tell((wire.RUN, number, *_description(delivery)))

    def tell(self, message: wire.Message) -> None:
        """Send a message; a dead child hears nothing, and is buried by its sentinel."""
        with contextlib.suppress(OSError):
            wire.send(self.connection, [message])

    # -- what it says --

    def done(self, number: int) -> Delivery | None:
        """It has finished that delivery."""
        self._hard.pop(number, None)
        self._next_in_line()
        delivery = self._line.pop(number, None) or self._coroutines.pop(number, None)
        self.served += len(delivery.members) if isinstance(delivery, BatchDelivery) else 1
        return delivery

    def became_async(self, number: int) -> None:
        """That delivery is a coroutine; the main thread is free."""
        self._next_in_line()
        delivery = self._line.pop(number, None)
        if delivery is not None:
            self._coroutines[number] = delivery
        if number in self._hard:
            seconds, moment = self._hard[number]
            self._hard[number] = (seconds, moment + GRACE)

    def limit(self, number: int, seconds: float) -> None:
        """It has started that delivery, which has a hard limit."""
        self._hard[number] = (seconds, time.monotonic() + seconds)

    def recalled(self, numbers: list[int]) -> list[Delivery]:
        """It gives those back, unstarted."""
        found = [self._line.pop(number, None) for number in numbers]
        return [delivery for delivery in found if delivery is not None]

    def _next_in_line(self) -> None:
        self._since = time.monotonic()
        self._recalled = False

    # -- its deliveries --

    def number_of(self, delivery: Delivery) -> int | None:
        """The number of a delivery it has, or of the batch it is in."""
        delivery = delivery.batch or delivery
        for held in (self._line, self._coroutines):
            for number, each in held.items():
                if each is delivery:
                    return number
        return None

    def runs(self, delivery: Delivery) -> bool:
        """Whether it is at that delivery now, not only has it in its line."""
        number = self.number_of(delivery)
        return number is not None and number in (int(self._current.value), *self._coroutines)

    def runs_alone(self, delivery: Delivery) -> bool:
        """Whether its main thread is at that delivery now."""
        number = self.number_of(delivery)
        return number is not None and number == int(self._current.value) in self._line

    def kill(self, number: int, error: BaseException, signum: int | None = None) -> None:
        """End the process because of one delivery, which gets that error.

        Args:
            signum: what ends it; a task in the middle of something that is not Python hears most
                signals when it is through, and SIGKILL at once.
        """
        self._verdicts.setdefault(number, error)
        if signum is None or self.pid is None:
            self.kill_now()
            return
        self._condemned.value = 1
        with contextlib.suppress(OSError):
            os.kill(self.pid, signum)

    def kill_now(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError, ValueError):
            self._process.kill()

    def verdict(self, delivery: Delivery) -> BaseException | None:
        """Why it was killed, when that delivery was the reason."""
        number = self.number_of(delivery)
        return self._verdicts.get(number) if number is not None else None

    @property
    def was_killed(self) -> bool:
        """Whether the pool ended it."""
        return bool(self._verdicts)

    # -- time --

    def deadline(self) -> float | None:
        """When it wants to be looked after next, monotonic s."""
        moments = [
            moment for number, (_, moment) in self._hard.items() if number not in self._verdicts
        ]
        if len(self._line) > 1 and not self._recalled:
            moments.append(self._since + PATIENCE)
        return min(moments, default=None)

    def overdue(self, now: float) -> tuple[int, float] | None:
        """(number, limit in s) of a delivery whose hard limit is over."""
        for number, (seconds, moment) in self._hard.items():
            if moment <= now and number not in self._verdicts:
                return number, seconds
        return None

    def keeps_waiting(self, now: float) -> bool:
        """Whether deliveries wait behind a long one."""
        return len(self._line) > 1 and not self._recalled and now >= self._since + PATIENCE

    def recall(self) -> None:
        """Ask for what waits in its line."""
        self._recalled = True
        self.tell((wire.RECALL,))

    # -- its end --

    def last_words(self) -> list[wire.Message]:
        """What a dead child had said before it died."""
        messages: list[wire.Message] = []
        with contextlib.suppress(EOFError, OSError):
            while self.connection.poll(0):
                messages += wire.receive(self.connection)
        return messages

    def close(self) -> int | None:
        """Let go of a dead child; its exit code, negative for a signal."""
        self._process.join(1)
        if self._process.is_alive():
            self.kill_now()
            self._process.join(5)
        code: int | None = self._process.exitcode
        self.connection.close()
        return code

    def remains(self) -> tuple[list[Delivery], list[Delivery]]:
        """(deliveries that it was running, deliveries it had not started)."""
        current = int(self._current.value)
        lost = [*self._coroutines.values()]
        if current in self._line:
            lost.append(self._line[current])
        untouched = [each for number, each in self._line.items() if number != current]
        return lost, untouched


def _description(delivery: Delivery) -> tuple[Any, ...]:
    job, keys = delivery.job, delivery.queue.keys
    return keys.queue, keys.prefix, job.id, job.fields(), delivery.token
