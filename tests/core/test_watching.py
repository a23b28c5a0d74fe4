"""Telemetry of a queue: lines, handlers, numbers, and nothing left behind."""

from __future__ import annotations

import logging
import threading

import pytest

from bullrush.core import Queue, QueueEvents, QueueEventsProducer
from bullrush.core.drivers.server_binary import ServerProcess
from bullrush.core.errors import ConnectionFailed, InvalidOption
from bullrush.core.watching import metric_name, register_queue_telemetry
from tests.support.waiting import wait_until

pytestmark = pytest.mark.row(202)


@pytest.fixture
def queue(driver, queue_name):
    return Queue(queue_name, driver=driver)


@pytest.fixture
def register(queue):
    """Registers, and detaches at the end."""
    ends = []

    def start(*args, **options):
        ends.append(register_queue_telemetry(queue, *args, **{"interval_ms": 0, **options}))
        return ends[-1]

    yield start
    for each in ends:
        each()


@pytest.fixture
def said(caplog):
    """Records of the telemetry's logger, as (level, message)."""
    caplog.set_level(logging.DEBUG, logger="bullrush.telemetry")
    return lambda: [
        (each.levelname, each.getMessage())
        for each in caplog.records
        if each.name == "bullrush.telemetry"
    ]


@pytest.mark.row(203)
def test_five_events_are_five_lines_by_default(queue, register, said, driver):
    reader = QueueEvents(queue.name, driver=driver)
    register(reader)
    producer = QueueEventsProducer(queue.name, driver=driver)
    producer.publish_event("waiting", {"jobId": "7"})
    producer.publish_event("completed", {"jobId": "7", "returnvalue": {"secret": 1}})
    producer.publish_event("failed", {"jobId": "8", "failedReason": "no route"})
    producer.publish_event("stalled", {"jobId": "9"})
    producer.publish_event("progress", {"jobId": "9", "data": 5})
    wait_until(lambda: len(said()) == 4)
    reader._stream.tell_error(ConnectionFailed("away"))
    name = queue.name
    assert said() == [
        ("INFO", f"{name} waiting: job 7"),
        ("INFO", f"{name} completed: job 7"),
        ("ERROR", f"{name} failed: job 8: no route"),
        ("WARNING", f"{name} stalled: job 9"),
        ("ERROR", f"{name} error: away"),
    ]
    reader.close()


@pytest.mark.row(204)
def test_handlers_replace_silence_and_add(queue, register, said):
    heard = []
    handlers = {"failed": heard.append, "waiting": None, "added": heard.append}
    register(handlers=handlers)
    job = queue.add("x")
    job_id = job.id
    producer = QueueEventsProducer(queue.name, driver=queue.driver)
    producer.publish_event("failed", {"jobId": job_id, "failedReason": "no"})
    producer.publish_event("stalled", {"jobId": job_id})
    wait_until(said)
    assert [each.name for each in heard] == ["added", "failed"]
    assert heard[1].fields == {"failedReason": "no"}
    assert said() == [("WARNING", f"{queue.name} stalled: job {job_id}")]


@pytest.mark.row(205)
def test_counts_go_to_the_callback(queue, register):
    came, counts = threading.Event(), []

    def collect(now):
        counts.append(now)
        came.set()

    queue.add("x", delay=60_000)
    register(on_metrics=collect, interval_ms=1)
    assert came.wait(10)
    assert counts[0] == queue.get_job_counts()


@pytest.mark.row(205)
@pytest.mark.parametrize(
    ("queue", "name"),
    [
        ("workflow.execute", "queue.workflow_execute"),
        ("workflow-execute", "queue.workflow-execute"),
        ("a b|c", "queue.a_b_c"),
    ],
)
def test_names_for_statsd_have_no_levels_of_their_own(queue, name):
    assert metric_name(queue) == name


@pytest.mark.row(206)
@pytest.mark.parametrize("how", ["argument", "environment"])
def test_a_line_with_the_counts_comes_every_interval(queue, said, how, monkeypatch):
    interval = 20 if how == "argument" else None
    monkeypatch.setenv("QUEUE_METRICS_INTERVAL_MS", "20")
    detach = register_queue_telemetry(queue, interval_ms=interval)
    wait_until(lambda: len(said()) >= 2)
    detach()
    assert set(said()) == {
        (
            "INFO",
            f"queue.metrics {queue.name} active=0 completed=0 delayed=0 failed=0 prioritized=0 "
            "waiting=0 waiting-children=0",
        )
    }


@pytest.mark.row(206)
def test_a_callback_that_raises_ends_nothing(queue, register, said):
    register(on_metrics=lambda counts: 1 / 0, interval_ms=5)
    wait_until(lambda: sum(level == "ERROR" for level, _ in said()) >= 2)


def test_detach_leaves_no_thread_and_no_listener(queue, driver, said):
    before = set(threading.enumerate())
    shared = QueueEvents(queue.name, driver=driver)
    detach = register_queue_telemetry(queue, shared, interval_ms=5)
    own = register_queue_telemetry(queue, interval_ms=5)
    own()
    detach()
    detach()
    assert shared._stream.listeners == {}
    assert set(threading.enumerate()) - before <= {shared._thread}
    shared.close()
    assert set(threading.enumerate()) <= before


def test_an_interval_is_a_whole_number_of_ms(queue):
    with pytest.raises(InvalidOption, match="interval_ms"):
        register_queue_telemetry(queue, interval_ms=-1)


def test_errors_of_the_reader_are_told(queue_name):
    heard = threading.Event()
    with ServerProcess() as own:
        events = QueueEvents(queue_name, url=own.url)
        events.on("error", lambda event: heard.set())
        events.start()
    assert heard.wait(20)
    events.close()
