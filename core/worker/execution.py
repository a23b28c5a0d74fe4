"""Running one delivery: checks, the handler, and the form of the outcome that the script takes.
Never raises.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..backoff import BackoffStrategy
from ..delivery import Delivery, Finished
from ..encoding import encode_json
from ..errors import UnserializableData
from ..job import Job
from ..options import keep_arguments
from ..outcome import (
    OUTCOME_TYPES,
    Completed,
    Failed,
    Outcome,
    Postponed,
    RawJson,
    Retried,
    decide,
    storable,
)

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
        remove_on_complete, remove_on_fail: what to keep of jobs that do not say themselves.
    """

    handler: Handler
    size_limit: int | None = None
    strategies: Mapping[str, BackoffStrategy] = field(default_factory=dict)
    remove_on_complete: Any = None
    remove_on_fail: Any = None

    def __call__(self, delivery: Delivery) -> Finished:
        """Run one delivery. An exception of the handler is an outcome; so is a value without JSON
        form.
        """
        started = time.perf_counter()
        outcome = self._outcome_of(delivery)
        try:
            record = self._record(delivery, outcome)
        except Exception as error:
            outcome = self._decide(delivery.job, error)
            record = self._record(delivery, outcome)
        return Finished(delivery, outcome, record, time.perf_counter() - started)

    def _outcome_of(self, delivery: Delivery) -> Outcome:
        """In this order: deferred failure, size, decoding, handler."""
        job = delivery.job
        if job.deferred_failure is not None:
            return Failed(job.deferred_failure)
        size = len(job.raw("data") or b"")
        if self.size_limit is not None and size > self.size_limit:
            return Failed(
                f"the data has {size} bytes, more than the worker's size_limit={self.size_limit}"
            )
        try:
            delivery.data = job.data
        except (ValueError, RecursionError) as error:
            return Failed(f"the data is not JSON: {error}")
        try:
            value = self.handler(delivery)
            if inspect.iscoroutine(value):
                value = asyncio.run(value)
        except (
            BaseException
        ) as error:  # a handler's SystemExit or KeyboardInterrupt must not end a slot
            return self._decide(job, error)
        return value if isinstance(value, OUTCOME_TYPES) else Completed(value)

    def _decide(self, job: Job, error: BaseException) -> Failed | Retried:
        try:
            return decide(job, error, strategies=self.strategies)
        except Exception:
            logger.exception("job %s: the backoff strategy raised; the job fails", job.id)
            return decide(Job(job.queue_name, job.id, {}), error)

    def _record(self, delivery: Delivery, outcome: Outcome) -> tuple[str | int, ...]:
        """The eleven arguments of an outcome in `commit_and_fetch`."""
        job, token = delivery.job, delivery.token
        if isinstance(outcome, Completed):
            value = outcome.value
            text = value.text if isinstance(value, RawJson) else _encoded(value)
            keep = self._keep(job, "removeOnComplete", self.remove_on_complete)
            return ("completed", job.id, token, text, "", "", "", *keep, "")
        if isinstance(outcome, Failed):
            keep = self._keep(job, "removeOnFail", self.remove_on_fail)
            details = (
                storable(outcome.reason),
                _stacktrace(job, outcome.stack),
                outcome.exception or "",
            )
            return ("failed", job.id, token, *details, "", *keep, job.attempts)
        if isinstance(outcome, Retried):
            details = (
                storable(outcome.reason),
                _stacktrace(job, outcome.stack),
                outcome.exception or "",
            )
            lifo = "1" if job.opts.get("lifo") is True else ""
            timing = (outcome.delay, lifo, "", "")
            return ("retried", job.id, token, *details, _text(outcome.data), *timing)
        if isinstance(outcome, Postponed):
            data = _text(outcome.data)
            return ("postponed", job.id, token, "", "", "", data, outcome.delay, "", "", "")
        return ("returned", job.id, token, "", "", "", "", "", "", "", "")

    @staticmethod
    def _keep(job: Job, option: str, default: Any) -> tuple[str, str, str]:
        own = job.opts.get(option)
        return keep_arguments(default if own is None else own)


def _encoded(value: Any) -> str:
    if value is None:
        return "null"
    try:
        return encode_json(value, "the returned value")
    except UnserializableData as error:
        raise UnserializableData(
            f"{error}; the work was done, but its result cannot be stored"
        ) from None


def _text(data: RawJson | None) -> str:
    return data.text if data is not None else ""


def _stacktrace(job: Job, stack: str) -> str:
    rows = [*job.stacktrace, *([stack] if stack else [])]
    limit = job.opts.get("stackTraceLimit")
    if isinstance(limit, int) and not isinstance(limit, bool) and limit >= 0:
        rows = rows[-limit:] if limit else []
    return json.dumps([storable(row) for row in rows], ensure_ascii=False)
