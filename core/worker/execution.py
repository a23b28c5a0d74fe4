"""Running one delivery: checks, the handler, and what is made of its exceptions. Never raises."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..backoff import BackoffStrategy
from ..delivery import Delivery, Finished
from ..errors import BullrushError, MovedSignal, RateLimitError
from ..job import Job
from ..outcome import (
    OUTCOME_TYPES,
    Completed,
    Failed,
    Moved,
    Outcome,
    RateLimited,
    Retried,
    decide,
)
from ..records import KEEP_ALL, Retention, record_of

logger = logging.getLogger("bullrush.worker")

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
    """

    handler: Handler
    size_limit: int | None = None
    strategies: Mapping[str, BackoffStrategy] = field(default_factory=dict)
    retention: Retention = KEEP_ALL
    max_started_attempts: int | None = None

    def __call__(self, delivery: Delivery) -> Finished:
        """Run one delivery. An exception of the handler is an outcome; so is a value without JSON
        form.
        """
        started = time.perf_counter()
        outcome = self._outcome_of(delivery)
        try:
            record = record_of(delivery.job, delivery.token, outcome, self.retention)
        except Exception as error:
            return self._failed(delivery, error, started)
        return Finished(delivery, outcome, record, time.perf_counter() - started)

    def refused(self, finished: Finished, error: BullrushError) -> Finished:
        """What becomes of a delivery whose completion the queue did not accept: pending children
        are a failed attempt, failed children are final (protocol part 2, section 1.6).
        """
        return self._failed(finished.delivery, error, time.perf_counter() - finished.seconds)

    def _failed(self, delivery: Delivery, error: BaseException, started: float) -> Finished:
        outcome = self._decide(delivery.job, error)
        record = record_of(delivery.job, delivery.token, outcome, self.retention)
        return Finished(delivery, outcome, record, time.perf_counter() - started)

    def _outcome_of(self, delivery: Delivery) -> Outcome:
        reason = self._objection(delivery)
        if reason is not None:
            return Failed(reason)
        try:
            value = self.handler(delivery)
            if inspect.iscoroutine(value):
                value = asyncio.run(value)
        except (
            BaseException
        ) as error:  # a handler's SystemExit or KeyboardInterrupt must not end a slot
            return self._outcome_of_error(delivery, error)
        if delivery.moved:
            return Moved()
        return value if isinstance(value, OUTCOME_TYPES) else Completed(value)

    def _objection(self, delivery: Delivery) -> str | None:
        """Why the handler must not see the job: in this order deferred failure, number of starts,
        size, decoding.
        """
        job = delivery.job
        if job.deferred_failure is not None:
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
