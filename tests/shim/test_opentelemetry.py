"""Traces that follow a job, within Python and to Node and back."""

from __future__ import annotations

import asyncio
import json

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from bullrush.contrib.opentelemetry import instrument
from bullrush.core import BulkJob, DelayedError, FlowJob, FlowProducer, Queue
from bullrush.core.telemetry import hooks
from bullrush.core.worker import Worker
from tests.support.waiting import wait_until


@pytest.fixture
def spans():
    """The spans that have ended: name -> span; tracing is on during the test."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    end = instrument(provider)
    yield lambda: {span.name: span for span in exporter.get_finished_spans()}
    end()
    provider.shutdown()


@pytest.fixture
def queue(redis_url, queue_name):
    with Queue(queue_name, url=redis_url) as queue:
        yield queue


def work(queue, handler, count=1):
    """Work so many jobs off."""
    with Worker(queue.name, handler, driver=queue.driver):
        wait_until(lambda: queue.get_completed_count() + queue.get_failed_count() >= count)


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_a_run_is_a_child_of_what_added_the_job(queue, spans, kind):
    async def handle_async(delivery):
        await asyncio.sleep(0)  # lets go of the loop once

    queue.add("send")
    work(queue, handle_async if kind == "coroutine" else lambda delivery: None)
    wait_until(lambda: len(spans()) == 2)
    added, ran = spans()[f"add {queue.name}.send"], spans()[f"process {queue.name}"]
    assert (added.kind, ran.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert ran.parent.span_id == added.context.span_id
    assert ran.context.trace_id == added.context.trace_id
    assert dict(ran.attributes) == {
        "bullmq.queue.name": queue.name,
        "bullmq.queue.operation": "process",
        "bullmq.job.name": "send",
        "bullmq.job.id": "1",
        "bullmq.job.attempts.made": 0,
        "bullmq.worker.name": "",
    }


def test_jobs_that_a_job_adds_continue_its_trace(queue, spans):
    def handle(delivery):
        if delivery.job.name == "first":
            delivery.queue.add("second")

    queue.add("first")
    work(queue, handle, count=2)
    first, second = (spans()[f"add {queue.name}.{name}"] for name in ("first", "second"))
    assert first.context.trace_id == second.context.trace_id


def test_a_failure_is_an_error_and_a_move_is_none(queue, spans):
    def handle(delivery):
        if delivery.job.name == "later":
            delivery.move_to_delayed(2**42)
            raise DelayedError
        raise RuntimeError("no route")

    queue.add("later")
    with Worker(queue.name, handle, driver=queue.driver):
        wait_until(lambda: f"process {queue.name}" in spans())
    assert spans()[f"process {queue.name}"].status.status_code is StatusCode.UNSET
    queue.add("bad")
    work(queue, handle)
    span = spans()[f"process {queue.name}"]
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "no route")
    assert span.events[0].name == "exception"


@pytest.mark.parametrize(
    "telemetry",
    [
        {"metadata": "rubbish"},
        {"metadata": "[1]"},
        {"metadata": '{"traceparent": "x"}'},
        {"omit_context": True},
    ],
    ids=str,
)
def test_what_is_no_context_starts_a_trace_of_its_own(queue, spans, telemetry):
    queue.add("send", telemetry=telemetry)
    work(queue, lambda delivery: None)
    wait_until(spans)
    assert spans()[f"process {queue.name}"].parent is None
    assert list(spans()) == [f"process {queue.name}"]


def test_every_way_to_add_is_traced(queue, spans):
    queue.add_bulk([BulkJob("a"), BulkJob("b")])
    with FlowProducer(driver=queue.driver) as flows:
        flows.add(FlowJob("c", queue.name, children=[FlowJob("d", queue.name)]))
    assert set(spans()) == {f"add {queue.name}.{name}" for name in "abcd"}
    for job in queue.get_jobs("waiting"):
        assert set(json.loads(job.opts["telemetry"]["metadata"])) == {"traceparent"}


@pytest.mark.parametrize("name", ["plain", "coroutine", "failing"])
def test_tasks_are_traced_too(app, start, spans, name):
    @app.task(name="plain")
    def plain():
        return 1

    @app.task(name="coroutine")
    async def coroutine():
        return 1

    @app.task(name="failing")
    def failing():
        raise KeyError("x")

    start()
    queue = app.conf.task_default_queue
    result = app.tasks[name].delay()
    result.get(timeout=20, propagate=False)
    wait_until(lambda: f"process {queue}" in spans())
    ran = spans()[f"process {queue}"]
    assert ran.parent.span_id == spans()[f"add {queue}.{name}"].context.span_id
    assert (ran.status.status_code is StatusCode.ERROR) is (name == "failing")


def test_nothing_is_asked_when_tracing_has_ended(app, spans):
    instrument()()
    assert (hooks.adding, hooks.running) == (None, None)

    @app.task(name="quiet")
    def quiet():
        return 1

    quiet.delay()
    assert spans() == {}


def test_the_trace_goes_to_node_and_comes_back(node, redis_url, queue, spans):
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    carrier = json.dumps({"traceparent": f"00-{trace_id}-{span_id}-01"})
    node.request(
        "add",
        queue=queue.name,
        name="x",
        data={},
        opts={"telemetry": {"metadata": carrier}},
    )
    work(queue, lambda delivery: None)
    wait_until(spans)
    parent = spans()[f"process {queue.name}"].parent
    assert (f"{parent.trace_id:032x}", f"{parent.span_id:016x}") == (trace_id, span_id)
    queue.add("back")
    (job,) = node.request("call", queue=queue.name, method="getJobs", args=[["waiting"]])
    mine = spans()[f"add {queue.name}.back"].context
    metadata = json.loads(job["opts"]["telemetry"]["metadata"])
    assert metadata["traceparent"].startswith(f"00-{mine.trace_id:032x}-{mine.span_id:016x}-")
