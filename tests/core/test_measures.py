"""What workers count: sums over all of them, with few names, and nothing lost."""

from __future__ import annotations

import pytest

from bullrush.core import BulkJob, Queue
from bullrush.core.clock import now_ms
from bullrush.core.errors import ConnectionFailed
from bullrush.core.keys import QueueKeys
from bullrush.core.measures import (
    MOST_NAMES,
    OTHER,
    Histogram,
    Measures,
    QueueMeasures,
    fields_of,
    measures_of,
    told_apart,
)
from bullrush.core.snapshot import take
from bullrush.core.worker.measuring import MeasuringService
from tests.support.waiting import wait_until


@pytest.fixture
def measured(driver, queue_name):
    """What is stored for the queue."""
    return lambda: take(driver, "bull", [queue_name], measures=True)[0].measures


@pytest.fixture
def queue(driver, queue_name):
    return Queue(queue_name, driver=driver)


def stored_form(measures):
    """The hash as Redis gives it."""
    return [str(part).encode() for pair in fields_of(measures).items() for part in pair]


def test_a_histogram_counts_up_to_and_including_each_bound():
    histogram = Histogram()
    for seconds in (0.0, 0.005, 0.0051, 3600, 3601):
        histogram.add(seconds)
    buckets = dict(histogram.buckets())
    assert (buckets["0.005"], buckets["0.01"], buckets["3600"], buckets["+Inf"]) == (2, 3, 4, 5)
    assert histogram.count == 5


def test_what_is_stored_is_read_back():
    measures = QueueMeasures({"a:b": Measures()}, stalled=3)
    job = measures.jobs["a:b"]
    job.run.add(0.25)
    job.wait.add(7)
    job.outcomes["completed"] = 9
    found = measures_of(stored_form(measures))
    assert found.stalled == 3
    assert found.jobs["a:b"].run.buckets() == job.run.buckets()
    assert found.jobs["a:b"].wait.total == 7
    assert found.jobs["a:b"].outcomes == {"completed": 9}


def test_rubbish_in_the_hash_counts_as_nothing():
    flat = [b"run:0.25:x", b"nan", b"what", b"1", b"run:9:x", b"1", b"outcome:odd:x", b"1"]
    found = measures_of(flat)
    assert found.stalled == 0
    assert found.jobs["x"].run.count == 0


def test_too_many_names_count_together():
    grown = {f"outcome:completed:send-{number}": 1 for number in range(MOST_NAMES + 5)}
    known = {"outcome:old"}
    found = told_apart(grown, known)
    assert len(known) == MOST_NAMES
    assert found[f"outcome:completed:{OTHER}"] == 6
    assert sum(found.values()) == MOST_NAMES + 5


def test_a_worker_counts_runs_by_name_and_outcome(queue, start_worker, measured):
    def handle(delivery):
        if delivery.job.name == "bad":
            raise RuntimeError("no")

    worker = start_worker(handle, measure=True, concurrency=2)
    queue.add_bulk([BulkJob("good")] * 3)
    queue.add("bad", attempts=2)
    wait_until(lambda: queue.get_job_counts()["failed"] == 1)
    wait_until(lambda: queue.get_job_counts()["completed"] == 3)
    worker.stop(timeout=10)
    found = measured()
    assert found.jobs["good"].outcomes == {"completed": 3}
    assert found.jobs["bad"].outcomes == {"retried": 1, "failed": 1}
    assert (found.jobs["good"].run.count, found.jobs["bad"].run.count) == (3, 2)
    assert (found.jobs["good"].wait.count, found.jobs["bad"].wait.count) == (3, 1)


def test_a_wait_starts_when_the_job_became_due(queue, start_worker, measured):
    now = now_ms()
    queue.add("late", timestamp=now - 60_000)
    queue.add("due", timestamp=now - 60_000, delay=58_000)
    worker = start_worker(lambda delivery: None, measure=True)
    wait_until(lambda: queue.get_job_counts()["completed"] == 2)
    worker.stop(timeout=10)
    jobs = measured().jobs
    assert 60 <= jobs["late"].wait.total < 90
    assert 2 <= jobs["due"].wait.total < 32


def test_two_workers_add_to_the_same_counts(queue, start_worker, measured):
    for _ in range(2):
        worker = start_worker(lambda delivery: None, measure=True)
        done = queue.get_job_counts()["completed"] + 1
        queue.add("x")
        wait_until(lambda done=done: queue.get_job_counts()["completed"] == done)
        worker.stop(timeout=10)
    assert measured().jobs["x"].outcomes == {"completed": 2}


def test_nothing_is_counted_unless_asked_for(queue, start_worker, measured, driver):
    worker = start_worker(lambda delivery: None)
    queue.add("x")
    wait_until(lambda: queue.get_job_counts()["completed"] == 1)
    worker.stop(timeout=10)
    assert measured().jobs == {}
    assert not driver.execute(("EXISTS", queue.keys.measures))


def test_stalled_jobs_are_counted_and_the_hash_expires(driver, queue_name, measured):
    service = MeasuringService(driver, "bull")
    service.count_stalled(queue_name, "7")
    service.tick()
    service.tick()
    assert measured().stalled == 1
    assert driver.execute(("PTTL", QueueKeys(queue_name).measures)) > 0


class Failing:
    """A driver that fails until it is told to work."""

    def __init__(self, driver):
        self.driver, self.works = driver, False

    def execute(self, command):
        return self.driver.execute(command)

    def execute_many(self, commands):
        if not self.works:
            raise ConnectionFailed("away")
        return self.driver.execute_many(commands)


def test_what_could_not_be_written_is_written_later(driver, queue_name, measured):
    failing = Failing(driver)
    service = MeasuringService(failing, "bull")
    for _ in range(2):
        service.count_stalled(queue_name, "7")
        with pytest.raises(ConnectionFailed, match="away"):
            service.tick()
    failing.works = True
    service.stop()
    assert measured().stalled == 2
