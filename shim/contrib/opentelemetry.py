"""Traces that follow a job from process to process, and to Node and back, with OpenTelemetry:
``pip install "bullrush[otel]"``.

    from bullrush.contrib.opentelemetry import instrument

    instrument()  # in every process that adds jobs or works them

Adding a job is a span ``add <queue>.<name>``; its context is stored on the job where a Node process
with BullMQ's telemetry finds it. Running one is a span ``process <queue>``, whose parent is the
span that added the job, in whatever language.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import context as contexts
from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, TracerProvider

from bullrush.core.delivery import Delivery
from bullrush.core.errors import MovedSignal, RateLimitError
from bullrush.core.job import Job
from bullrush.core.outcome import Failed, Retried
from bullrush.core.telemetry import Telemetry, hooks

from ..version import release


def instrument(tracer_provider: TracerProvider | None = None) -> Callable[[], None]:
    """Trace every queue and every worker of this process, and of children that load this module's
    caller. A second call replaces the first.

    Args:
        tracer_provider: the global one by default.

    Returns:
        What ends it.
    """
    tracing = _Tracing(trace.get_tracer("bullrush", release(), tracer_provider))
    hooks.adding, hooks.running = tracing.adding, tracing.running
    return uninstrument


def uninstrument() -> None:
    """Trace nothing any more."""
    hooks.adding = hooks.running = None


class _Tracing:
    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def adding(self, queue: str, name: str) -> Telemetry:
        """The span ends when the job is ready to be sent."""
        attributes = _attributes(queue, "add", name)
        span = self._tracer.start_span(
            f"add {queue}.{name}", kind=SpanKind.PRODUCER, attributes=attributes
        )
        carrier: dict[str, str] = {}
        propagate.inject(carrier, trace.set_span_in_context(span))
        span.end()
        return Telemetry(metadata=json.dumps(carrier))

    def running(self, delivery: Delivery, handler: Callable[[Delivery], Any]) -> Any:
        job = delivery.job
        attributes = {
            **_attributes(delivery.queue.name, "process", job.name),
            "bullmq.job.id": job.id,
            "bullmq.job.attempts.made": job.attempts_made,
            "bullmq.worker.name": delivery.worker_name,
        }
        span = self._tracer.start_span(
            f"process {delivery.queue.name}",
            context=_context_of(job),
            kind=SpanKind.CONSUMER,
            attributes=attributes,
        )
        with _inside(span):
            value = handler(delivery)
            if inspect.iscoroutine(value):
                return _finish(span, value)
        return _ended(span, value)


def _attributes(queue: str, operation: str, name: str) -> dict[str, Any]:
    return {
        "bullmq.queue.name": queue,
        "bullmq.queue.operation": operation,
        "bullmq.job.name": name,
    }


def _context_of(job: Job) -> contexts.Context:
    """The context in which the job was added; an empty one when nobody said, or somebody said
    something else.
    """
    stored = job.opts.get("telemetry") or {}
    if stored.get("omitContext") is True:
        return contexts.Context()
    try:
        carrier = json.loads(stored.get("metadata") or "{}")
    except (TypeError, ValueError):
        carrier = {}
    known = isinstance(carrier, dict) and all(isinstance(v, str) for v in carrier.values())
    return propagate.extract(carrier if known else {}, contexts.Context())


@contextmanager
def _inside(span: Span) -> Iterator[None]:
    """The span is current; an exception ends it."""
    token = contexts.attach(trace.set_span_in_context(span))
    try:
        yield
    except BaseException as error:
        if not isinstance(error, (MovedSignal, RateLimitError)):
            span.record_exception(error)
            span.set_status(Status(StatusCode.ERROR, str(error)))
        span.end()
        raise
    finally:
        contexts.detach(token)


async def _finish(span: Span, coroutine: Coroutine[Any, Any, Any]) -> Any:
    with _inside(span):
        value = await coroutine
    return _ended(span, value)


def _ended(span: Span, value: Any) -> Any:
    """An outcome may be a failure."""
    if isinstance(value, (Failed, Retried)):
        span.set_attribute("bullmq.job.failed.reason", value.reason)
        span.set_status(Status(StatusCode.ERROR, value.reason))
    span.end()
    return value
