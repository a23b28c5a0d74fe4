"""Jobs fetched ahead: only while they are short, and handed back when they would have to wait."""

from __future__ import annotations

import threading

import pytest

from bullrush.core import BulkJob
from bullrush.core.worker.backlog import AHEAD, Backlog
from tests.support.waiting import wait_until


@pytest.fixture(params=["solo", "threads"])
def pool(request):
    """In the consumer's own thread, and beside it."""
    return request.param


class Gate:
    """A handler that doubles numbers, and waits for `open` where the data is a text."""

    def __init__(self):
        self.open, self.entered = threading.Event(), threading.Event()

    def __call__(self, delivery):
        if isinstance(delivery.data, str):
            self.entered.set()
            assert self.open.wait(30)
        return delivery.data * 2


def test_nothing_is_fetched_ahead_before_jobs_are_known_to_be_short():
    backlog = Backlog()
    assert backlog.ahead() == 0
    for _ in range(50):
        backlog.learn(0.0001)
    assert backlog.ahead() == AHEAD
    backlog.learn(2.0)
    assert backlog.ahead() == 0


def test_jobs_behind_a_long_one_go_back_and_another_worker_runs_them(
    queue, events, start_worker, pool
):
    gate = Gate()
    worker = start_worker(gate, pool=pool)
    queue.add_bulk([BulkJob("warm up", n) for n in range(200)])
    wait_until(lambda: queue.get_job_counts("completed")["completed"] == 200, 30)
    queue.pause()
    long = queue.add("long", "x")
    short = queue.add_bulk([BulkJob("short", n) for n in range(60)])
    queue.resume()
    assert gate.entered.wait(20)
    wait_until(lambda: queue.get_job_counts("active")["active"] == 1, 20)
    start_worker(lambda delivery: delivery.data * 2, pool="threads")
    assert [events.wait_until_finished(job.id, 30) for job in short] == [2 * n for n in range(60)]
    assert queue.get_state(long.id) == "active"
    starts = {queue.get_job(job.id).attempts_started for job in short}
    assert starts == {1}, "a job that no handler has seen counts no start"
    gate.open.set()
    assert worker.stop(20)


def test_what_waits_goes_back_when_the_worker_stops(queue, start_worker, pool):
    gate = Gate()
    worker = start_worker(gate, pool=pool)
    queue.add_bulk([BulkJob("warm up", n) for n in range(200)])
    wait_until(lambda: queue.get_job_counts("completed")["completed"] == 200, 30)
    queue.pause()
    queue.add_bulk([BulkJob("long", "x"), *(BulkJob("short", n) for n in range(60))])
    queue.resume()
    assert gate.entered.wait(20)
    worker.request_stop()
    wait_until(lambda: queue.get_job_counts("waiting")["waiting"] == 60, 20)
    gate.open.set()
    assert worker.stop(20)
    assert queue.get_job_counts("completed", "active") == {"completed": 201, "active": 0}
