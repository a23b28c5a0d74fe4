"""Several queues in one worker, patterns, autoscaling, records, and what a worker tells."""

from __future__ import annotations

import threading

import pytest

from bullrush.core import BulkJob, Queue
from bullrush.core.errors import InvalidOption, InvalidQueueName
from bullrush.core.worker import Limiter, Worker
from bullrush.core.worker.autoscale import Autoscale
from bullrush.core.worker.discovery import DiscoveryService
from bullrush.core.worker.share import QueueShare, parse_shares
from bullrush.core.workers import list_workers
from tests.support.waiting import wait_until


class Counting:
    """A handler that counts how many of its runs overlap, and waits for `open`."""

    def __init__(self):
        self.open = threading.Event()
        self.now, self.most, self._guard = {}, {}, threading.Lock()

    def __call__(self, delivery):
        name = delivery.job.queue_name
        with self._guard:
            self.now[name] = self.now.get(name, 0) + 1
            self.most[name] = max(self.most.get(name, 0), self.now[name])
        assert self.open.wait(30)
        with self._guard:
            self.now[name] -= 1


def test_each_queue_has_its_own_bound_within_the_slots(queue, url, start_worker):
    handler = Counting()
    with Queue(f"{queue.name}-b", url=url) as other:
        for each in (queue, other):
            each.add_bulk([BulkJob("x") for _ in range(20)])
        shares = [QueueShare(queue.name, 2), QueueShare(other.name, 3)]
        start_worker(handler, queues=shares, concurrency=10)
        wait_until(lambda: handler.now == {queue.name: 2, other.name: 3})
        handler.open.set()
        for each in (queue, other):
            wait_until(lambda each=each: each.get_job_counts("completed")["completed"] == 20)
        assert handler.most == {queue.name: 2, other.name: 3}


def test_a_queue_may_have_a_limiter_of_its_own(queue, start_worker):
    share = QueueShare(queue.name, limiter=Limiter(2, 60_000))
    queue.add_bulk([BulkJob("x") for _ in range(5)])
    start_worker(lambda delivery: None, queues=share, concurrency=5)
    wait_until(lambda: queue.get_job_counts("completed")["completed"] == 2)
    assert queue.get_job_counts("waiting")["waiting"] == 3


def test_a_pattern_serves_the_queues_there_are_and_those_that_come(
    queue, url, start_worker, monkeypatch
):
    monkeypatch.setattr("bullrush.core.worker.discovery.INTERVAL", 0.1)
    queue.add("x")
    worker = start_worker(lambda delivery: "done", queues=f"{queue.name}*")
    wait_until(lambda: queue.get_job_counts("completed")["completed"] == 1)
    with Queue(f"{queue.name}-later", url=url) as later:
        job = later.add("x")
        wait_until(lambda: later.get_state(job.id) == "completed")
    assert {each.name for each in worker.queues} == {queue.name, f"{queue.name}-later"}


def test_a_queue_is_added_while_the_worker_runs(queue, url, start_worker):
    worker = start_worker(lambda delivery: "done")
    with Queue(f"{queue.name}-more", url=url) as more:
        job = more.add("x")
        worker.add_queue(more.name)
        worker.add_queue(more.name)
        wait_until(lambda: more.get_state(job.id) == "completed")
    assert len(worker.queues) == 2


def test_patterns_find_only_what_fits(driver, queue):
    queue.add("x")
    found = []
    DiscoveryService(driver, "bull", [QueueShare("nothing-*")], found.append).tick()
    assert found == []


def test_slots_follow_the_load(queue, start_worker, monkeypatch):
    monkeypatch.setattr("bullrush.core.worker.autoscale.INTERVAL", 0.02)
    handler = Counting()
    queue.add_bulk([BulkJob("x") for _ in range(8)])
    worker = start_worker(handler, autoscale=Autoscale(4, 1, keep=0.1), concurrency=1)
    wait_until(lambda: worker.concurrency == 4)
    wait_until(lambda: handler.now == {queue.name: 4})
    handler.open.set()
    wait_until(lambda: worker.concurrency == 1)
    assert queue.get_job_counts("completed")["completed"] == 8


def test_a_worker_writes_a_record_and_takes_it_away(queue, driver, start_worker):
    worker = start_worker(lambda delivery: None, name="w1", concurrency=3)
    (record,) = wait_until(lambda: list_workers(driver, queue.keys))
    assert (record.name, record.pool, record.slots, record.queues) == (
        "w1",
        "threads",
        3,
        (queue.name,),
    )
    assert (record.id, record.running, record.paused) == (worker.settings.worker_id, 0, False)
    worker.stop(10)
    assert list_workers(driver, queue.keys) == []


def test_rubbish_among_the_records_is_left_out(queue, driver, start_worker):
    start_worker(lambda delivery: None)
    wait_until(lambda: list_workers(driver, queue.keys))
    driver.execute(("SET", queue.keys.worker("rubbish"), "{", "PX", 10_000))
    driver.execute(("ZADD", queue.keys.workers, 9e15, "rubbish", 9e15, "gone"))
    assert len(list_workers(driver, queue.keys)) == 1


def test_a_worker_tells_what_happens(queue, events, start_worker):
    told, done = [], threading.Event()
    worker = Worker(
        queue.name, lambda delivery: 1 / delivery.data, driver=queue.driver, concurrency=1
    )
    for name in ("ready", "active", "completed", "failed", "drained", "closing", "closed"):
        worker.on(name, lambda *details, name=name: told.append(name))
    worker.on("completed", lambda delivery, outcome: 1 / 0)
    worker.on("drained", lambda name: done.set())
    with worker:
        assert events.wait_until_finished(queue.add("x", 1).id, 20) == 1
        events.wait_for_end(queue.add("x", 0).id, 20)
        assert done.wait(20)
        wait_until(lambda: "failed" in told)
    assert [name for name in told if name != "drained"] == [
        "ready",
        "active",
        "completed",
        "active",
        "failed",
        "closing",
        "closed",
    ]
    with pytest.raises(InvalidOption, match="completed"):
        worker.on("complete", print)


def test_a_stop_with_a_bound_hands_back_what_has_not_ended(queue, events, start_worker):
    handler = Counting()
    worker = start_worker(handler)
    job = queue.add("x")
    wait_until(lambda: handler.now)
    assert not worker.stop(0.05)
    start_worker(lambda delivery: "elsewhere")
    assert events.wait_until_finished(job.id, 20) == "elsewhere"
    assert queue.get_job(job.id).attempts_started == 2
    handler.open.set()


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("email", [QueueShare("email")]),
        ("email:5, reports:2", [QueueShare("email", 5), QueueShare("reports", 2)]),
        ("tenant-*:3,", [QueueShare("tenant-*", 3)]),
        ("", []),
    ],
)
def test_shares_on_the_command_line(text, shares):
    assert parse_shares(text) == shares


@pytest.mark.parametrize("text", ["email:x", "email:0", "email:-1"])
def test_a_share_that_is_none_is_refused(text):
    with pytest.raises(InvalidOption):
        parse_shares(text)


def test_what_no_worker_can_serve_is_refused(url):
    with pytest.raises(InvalidOption, match="at least one"):
        Worker([], print, url=url)
    with pytest.raises(InvalidQueueName):
        Worker(["a:b"], print, url=url)
    with pytest.raises(InvalidOption, match="autoscale"):
        Worker("x", print, url=url, autoscale=Autoscale(3), pool="solo")
    with pytest.raises(InvalidOption, match="must not be above"):
        Autoscale(2, 3)
