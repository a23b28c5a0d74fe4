"""The seam between the worker and what runs its handlers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from ..batch import BatchingOf
from ..delivery import Delivery, Finished

#: Puts what came of a delivery into the worker's inbox; safe from any thread.
Report: TypeAlias = Callable[[Finished], None]
#: Says that a slot is free though no delivery was reported; safe from any thread.
Freed: TypeAlias = Callable[[], None]
#: s that a delivery must wait before it may start; not above 0 for: it may start now. Asked in the
#: worker's own process.
Hold: TypeAlias = Callable[[Delivery], float]
#: Surrounds the handler alone, so that what ends it from outside never meets our own code.
Guard: TypeAlias = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class TimeLimits:
    """How long one run may take, s.

    Args:
        soft: then `SoftTimeLimitExceeded` is raised inside the handler, which may clean up.
        hard: then the run is ended from outside and the job gets `TimeLimitExceeded`.
    """

    soft: float | None = None
    hard: float | None = None


NO_LIMITS = TimeLimits()


@dataclass(frozen=True)
class Pending:
    """A delivery whose handler gave a coroutine that has not run yet."""

    delivery: Delivery
    coroutine: Coroutine[Any, Any, Any]
    started: float


class Work(Protocol):
    """What a pool does with a delivery. The worker's `Execution` is one; nothing here raises."""

    def begin(self, delivery: Delivery, guard: Guard | None = None) -> Finished | Pending:
        """Check the delivery and call the handler; what came of it, or the coroutine to run."""

    async def complete(self, pending: Pending) -> Finished:
        """Run the coroutine of a pending delivery."""

    def abort(self, delivery: Delivery, error: BaseException) -> Finished:
        """What comes of a delivery that was ended from outside, as if its handler had raised
        that.
        """

    def lose(self, delivery: Delivery, error: BaseException) -> Finished:
        """What comes of a delivery whose process died."""

    def hand_back(self, delivery: Delivery, *, started: bool = False) -> Finished:
        """What comes of a delivery that is to run elsewhere.

        Args:
            started: whether a handler has seen it.
        """

    def postpone(self, delivery: Delivery, seconds: float) -> Finished:
        """What comes of a delivery that must not start yet."""

    @property
    def hold(self) -> Hold | None:
        """Says how long a delivery must wait before it may start; None when none ever must."""

    @property
    def batching(self) -> BatchingOf | None:
        """Says which deliveries are gathered to a `BatchDelivery`; None when none is."""

    @property
    def logs_outcomes(self) -> bool:
        """Whether the handler itself logs what comes of its runs."""

    def limits(self, delivery: Delivery) -> TimeLimits:
        """How long it may run."""

    def is_coroutine(self, delivery: Delivery) -> bool:
        """Whether its handler is known to be a coroutine function before it is called."""


class Pool(Protocol):
    """Runs deliveries.

    Attributes:
        slots: how many deliveries it runs at once.
        inline: whether it runs a delivery while it is submitted, in the thread that submits.
    """

    slots: int
    inline: bool

    def start(self, work: Work, report: Report, freed: Freed) -> None:
        """Get ready. Called once, before the first delivery."""

    def free(self) -> int:
        """How many more deliveries may be submitted now."""

    def submit(self, delivery: Delivery) -> None:
        """Have a delivery run and reported."""

    def cancel(self, delivery: Delivery, error: BaseException) -> bool:
        """End a submitted delivery with that error. False when this pool cannot, or it has
        ended.
        """

    def end(self, delivery: Delivery, error: BaseException, signum: int) -> bool:
        """As `cancel`, but a process that runs it is sent that signal, which ends it."""

    def renew(self) -> None:
        """Replace every child process, each when it is through with what it runs."""

    def lose(self, delivery: Delivery) -> None:
        """The lock of a submitted delivery is gone: let its handler know."""

    def abandon(self, delivery: Delivery) -> None:
        """The worker ends and does not wait for this delivery: end it if that can be done."""

    def pids(self) -> list[int]:
        """The child processes that run now."""

    def process_of(self, delivery: Delivery) -> int | None:
        """The pid of the process that runs a submitted delivery; None while it waits there."""

    def resize(self, slots: int) -> None:
        """Run that many at once from now on. Deliveries that run are left alone."""

    def leave(self) -> None:
        """The worker is about to stop; safe in a signal handler. Signals that reach its children
        now were meant for the worker.
        """

    def stop(self, timeout: float | None) -> bool:
        """Let running deliveries end, for at most `timeout` s. Whether all have ended."""
