"""The text for Prometheus, read with Prometheus' own parser."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bullrush.core import Queue
from bullrush.core.exposition import QueueCollector, exposition
from bullrush.core.operations.states import STATES
from bullrush.core.snapshot import QueueSnapshot, take
from tests.support.waiting import wait_until


def parsed(text):
    """(name of a sample, labels as a sorted tuple) -> value; a sample is there once only."""
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        assert family.documentation
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


@pytest.fixture
def scrape(driver, queue_name):
    """The samples of the queue of this test."""
    return lambda: parsed(exposition(take(driver, "bull", [queue_name], measures=True)))


@pytest.mark.row(25, 26)
def test_the_depth_of_a_queue_is_a_gauge(driver, queue_name, scrape):
    queue = Queue(queue_name, driver=driver)
    queue.add("x")
    queue.add("x", priority=4)
    queue.add("x", delay=60_000)
    queue.set_global_concurrency(3)
    found = scrape()
    label = (("queue", queue_name),)
    assert found["queue_waiting_jobs", label] == 2
    assert found["bullrush_global_concurrency", label] == 3
    assert found["bullrush_queue_paused", label] == 0
    assert found["bullrush_oldest_waiting_seconds", label] >= 0
    assert found["redis_up", ()] == 1
    states = queue.get_job_counts()
    for state in STATES:
        labels = (("queue", queue_name), ("state", state))
        assert found["bullmq_job_count", labels] == states[state]


@pytest.mark.row(213)
def test_waits_runs_and_outcomes_are_there_by_name(driver, queue_name, start_worker, scrape):
    queue = Queue(queue_name, driver=driver)
    worker = start_worker(lambda delivery: None, measure=True, metrics=5, concurrency=3)
    queue.add("send")
    wait_until(lambda: queue.get_job_counts()["completed"] == 1)
    label = (("queue", queue_name),)
    wait_until(lambda: scrape().get(("bullrush_worker_slots", label)) == 3)
    assert scrape()["bullrush_workers", (("kind", "bullrush"), *label)] == 1
    worker.stop(timeout=10)
    found = scrape()
    job = (("name", "send"), *label)
    completed = (("name", "send"), ("outcome", "completed"), *label)
    assert found["bullrush_job_runs_total", completed] == 1
    for name in ("wait", "run"):
        assert found[f"bullrush_job_{name}_seconds_count", job] == 1
        assert found[f"bullrush_job_{name}_seconds_sum", job] >= 0
        bucket = tuple(sorted((*job, ("le", "+Inf"))))
        assert found[f"bullrush_job_{name}_seconds_bucket", bucket] == 1
    assert found["bullmq_job_completed_total", label] == 1
    assert found["bullrush_workers", (("kind", "bullrush"), *label)] == 0


def test_without_redis_only_that_is_said():
    assert parsed(exposition(None)) == {("redis_up", ()): 0}


def test_a_damaged_queue_says_so_and_nothing_else():
    broken = QueueSnapshot("bad", dict.fromkeys(STATES, 0), broken="WRONGTYPE")
    found = parsed(exposition([broken]))
    assert found == {("redis_up", ()): 1, ("bullrush_queue_broken", (("queue", "bad"),)): 1}


def test_names_are_escaped():
    odd = 'a"b\\c ü'
    found = parsed(exposition([QueueSnapshot(odd, dict.fromkeys(STATES, 0))]))
    assert ("queue_waiting_jobs", (("queue", odd),)) in found


def test_a_registry_of_ones_own_can_have_the_queues_too():
    registry, asked = CollectorRegistry(), []

    def snapshots():
        asked.append(1)
        return [QueueSnapshot("mail", dict.fromkeys(STATES, 0))]

    registry.register(QueueCollector(snapshots))
    assert asked == []
    assert b'queue_waiting_jobs{queue="mail"} 0.0' in generate_latest(registry)
