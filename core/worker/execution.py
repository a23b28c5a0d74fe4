"""Running one delivery: checks, the handler, and what is made of its exceptions. Never raises."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..backoff import BackoffStrategy
from ..batch import Batching, BatchingOf
from ..delivery import Delivery, Finished
from ..errors import (
    BullrushError,
    JobCancelled,
    MovedSignal,
    RateLimitError,
    TimeLimitExceeded,
    WorkerLostError,
)
from ..job import Job
from ..outcome import (
    OUTCOME_TYPES,
    Completed,
    Failed,
    Lost,
    Moved,
    Outcome,
    Postponed,
    RateLimited,
    Retried,
    Returned,
    decide,
    reason_of,
)
from ..pools.base import NO_LIMITS, Guard, Hold, Pending, TimeLimits
from ..records import KEEP_ALL, Retention, record_of
from ..telemetry import hooks

logger = logging.getLogger("bullrush.worker")
#: Surrounds a handler that nothing ends from outside.
UNGUARDED = contextlib.nullcontext()

#: Gets the delivery; returns a JSON value, `RawJson` or an outcome; may raise; may be a coroutine
#: function.
Handler: TypeAlias = Callable[[Delivery], Any]


@dataclass(frozen=True)
class Execution:
    """How a worker runs deliveries.

    Args:
        handler: what does the work.
        size_limit: bytes of data beyond which a job is failed without being decoded; None for no
            limit.
        strategies: custom backoff strategies by type name.
        retention: what to keep of jobs that do not say themselves.
        max_started_attempts: a job that was started more often is failed without a run; None for
            no limit.
        time_limits: how long a run may take, when the handler does not say otherwise.
        max_stalled_count: how often a job whose process died is given back.
        fail_when_lost: fail such a job the first time.

    A handler may be an object that says more: `limits(delivery, default)`,
    `is_coroutine(delivery)`, `fails_when_lost(delivery)`, `failure(delivery, error)` for the
    outcome of a run that was ended from outside, and `hold(delivery)`: s that it must wait before
    it may start, asked in the worker's own process (`data` is not decoded yet). With
    `logs_outcomes` it has the log to itself for what comes of its runs. With `batching`, a
    `Batching` or a function that gives one (or None) for a delivery, it gets a `BatchDelivery`.
    """

    handler: Handler
    size_limit: int | None = None
    strategies: Mapping[str, BackoffStrategy] = field(default_factory=dict)
    retention: Retention = KEEP_ALL
    max_started_attempts: int | None = None
    time_limits: TimeLimits = NO_LIMITS
    max_stalled_count: int = 1
    fail_when_lost: bool = False

    def __call__(self, delivery: Delivery) -> Finished:
        """Run one delivery to its end in this thread. An exception of the handler is an outcome; so
        is a value without JSON form.
        """
        begun = self.begin(delivery)
        return begun if isinstance(begun, Finished) else asyncio.run(self.complete(begun))

    def begin(self, delivery: Delivery, guard: Guard | None = None) -> Finished | Pending:
        """See `Work`."""
        started = time.perf_counter()
        reason = self._objection(delivery)
        if reason is not None:
            return self._finished(delivery, Failed(reason), started)
        value: Any = None
        try:
            with guard() if guard is not None else UNGUARDED:
                around = hooks.running
                value = self.handler(delivery) if around is None else around(delivery, self.handler)
        except BaseException as error:  # SystemExit and KeyboardInterrupt must not end a slot
            if inspect.iscoroutine(value):  # it was ended from outside just before it could start
                value.close()
            return self._finished(delivery, self._outcome_of_error(delivery, error), started)
        if inspect.iscoroutine(value):
            return Pending(delivery, value, started)
        return self._finished(delivery, self._outcome_of(delivery, value), started)

    async def complete(self, pending: Pending) -> Finished:
        """See `Work`."""
        delivery = pending.delivery
        try:
            value = await pending.coroutine
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            outcome = self._outcome_of_error(delivery, error)
            return self._finished(delivery, outcome, pending.started)
        return self._finished(delivery, self._outcome_of(delivery, value), pending.started)

    def abort(self, delivery: Delivery, error: BaseException) -> Finished:
        """See `Work`."""
        outcome = self._outcome_of_error(delivery, error)
        return self._finished(delivery, outcome, time.perf_counter())

    def lose(self, delivery: Delivery, error: BaseException) -> Finished:
        """See `Work`. It goes back as a stalled job would, until it has stalled too often."""
        job = delivery.job
        stalls = job.stalled_count + 1
        fails = self.fail_when_lost or getattr(self.handler, "fails_when_lost", _never)(delivery)
        if fails or stalls > self.max_stalled_count:
            reason = f"{error} (lost {stalls} times)" if stalls > 1 else str(error)
            outcome: Outcome = self._ended(delivery, WorkerLostError(reason))
        else:
            outcome = Lost(str(error))
        return self._finished(delivery, outcome, time.perf_counter())

    def hand_back(self, delivery: Delivery, *, started: bool = False) -> Finished:
        """See `Work`."""
        return self._finished(delivery, Returned(started=started), time.perf_counter())

    def postpone(self, delivery: Delivery, seconds: float) -> Finished:
        """See `Work`."""
        outcome = Postponed(math.ceil(seconds * 1000), started=False)
        return self._finished(delivery, outcome, time.perf_counter())

    @property
    def hold(self) -> Hold | None:
        """See `Work`."""
        return getattr(self.handler, "hold", None)

    @property
    def batching(self) -> BatchingOf | None:
        """See `Work`."""
        own = getattr(self.handler, "batching", None)
        return (lambda delivery: own) if isinstance(own, Batching) else own

    def limits(self, delivery: Delivery) -> TimeLimits:
        """See `Work`."""
        own = getattr(self.handler, "limits", None)
        return self.time_limits if own is None else own(delivery, self.time_limits)

    def is_coroutine(self, delivery: Delivery) -> bool:
        """See `Work`."""
        own = getattr(self.handler, "is_coroutine", None)
        return inspect.iscoroutinefunction(self.handler) if own is None else bool(own(delivery))

    @property
    def logs_outcomes(self) -> bool:
        """See `Work`."""
        return bool(getattr(self.handler, "logs_outcomes", False))

    def refused(self, finished: Finished, error: BullrushError) -> Finished:
        """What becomes of a delivery whose completion the queue did not accept: pending children
        are a failed attempt, failed children are final (protocol part 2, section 1.6).
        """
        return self._failed(finished.delivery, error, time.perf_counter() - finished.seconds)

    def _failed(self, delivery: Delivery, error: BaseException, started: float) -> Finished:
        return self._finished(delivery, self._decide(delivery.job, error), started)

    def _finished(self, delivery: Delivery, outcome: Outcome, started: float) -> Finished:
        job, token = delivery.job, delivery.token
        try:
            record = record_of(job, token, outcome, self.retention)
        except Exception as error:
            outcome = self._decide(job, error)
            record = record_of(job, token, outcome, self.retention)
        return Finished(delivery, outcome, record, time.perf_counter() - started)

    def _outcome_of(self, delivery: Delivery, value: Any) -> Outcome:
        if delivery.moved:
            return Moved()
        return value if isinstance(value, OUTCOME_TYPES) else Completed(value)

    def _ended(self, delivery: Delivery, error: BaseException) -> Outcome:
        """A final failure from outside, in the handler's own words if it has some."""
        own = getattr(self.handler, "failure", None)
        return Failed(reason_of(error)) if own is None else own(delivery, error)

    def _objection(self, delivery: Delivery) -> str | None:
        """Why the handler must not see the job: in this order deferred failure, number of starts,
        size, decoding.
        """
        job = delivery.job
        if job.deferred_failure:
            return job.deferred_failure
        most = self.max_started_attempts
        if most is not None and job.attempts_started > most:
            return "job started more than allowable limit"
        size = len(job.raw("data") or b"")
        if self.size_limit is not None and size > self.size_limit:
            return f"the data has {size} bytes, more than the worker's size_limit={self.size_limit}"
        try:
            delivery.data = job.data
        except (ValueError, RecursionError) as error:
            return f"the data is not JSON: {error}"
        return None

    def _outcome_of_error(self, delivery: Delivery, error: BaseException) -> Outcome:
        if delivery.moved:
            if not isinstance(error, MovedSignal):
                logger.warning(
                    "job %s: its handler moved it and then raised %r, which does not count",
                    delivery.job.id,
                    error,
                )
            return Moved()
        if isinstance(error, RateLimitError):
            return RateLimited()
        if isinstance(error, (TimeLimitExceeded, JobCancelled)):
            return self._ended(delivery, error)
        return self._decide(delivery.job, error)

    def _decide(self, job: Job, error: BaseException) -> Failed | Retried:
        try:
            return decide(
                job,
                error,
                strategies=self.strategies,
                max_started_attempts=self.max_started_attempts,
            )
        except Exception:
            logger.exception("job %s: the backoff strategy raised; the job fails", job.id)
            return decide(Job(job.base, job.id, {}), error)


def _never(delivery: Delivery) -> bool:
    return False
