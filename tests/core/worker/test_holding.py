"""Deliveries that a worker does not start yet."""

from __future__ import annotations

import pytest

from bullrush.core import BulkJob, QueueEvents
from bullrush.core.worker import Pace
from tests.support.waiting import wait_until


class Held:
    """A handler that lets jobs start as `hold` says."""

    def __init__(self, hold, work=lambda delivery: "done"):
        self.hold, self.work = hold, work

    def __call__(self, delivery):
        return self.work(delivery)


@pytest.mark.parametrize("pool", ["threads", "asyncio", "solo"])
def test_a_job_that_must_wait_is_delayed_and_neither_start_nor_attempt_is_counted(
    queue, start_worker, pool
):
    pace = Pace(3600)
    jobs = queue.add_bulk([BulkJob("x") for _ in range(5)])
    start_worker(Held(lambda delivery: pace.wait(delivery.job.id)), pool=pool, concurrency=3)
    wait_until(lambda: queue.get_job_counts("delayed")["delayed"] == 4)
    wait_until(lambda: queue.get_state(jobs[0].id) == "completed")
    for job in queue.get_jobs("delayed"):
        assert (job.attempts_started, job.attempts_made) == (0, 0)


def test_jobs_come_back_and_each_runs_once_in_its_order(queue, start_worker):
    pace, order = Pace(0.02), []
    jobs = queue.add_bulk([BulkJob("x", n) for n in range(30)])
    handler = Held(
        lambda delivery: pace.wait(delivery.job.id), lambda delivery: order.append(delivery.data)
    )
    with QueueEvents(queue.name, driver=queue.driver) as events:
        start_worker(handler, max_started_attempts=1)
        for job in jobs:
            events.wait_until_finished(job.id, 30)
    assert order == list(range(30))
    assert {job.attempts_started for job in queue.get_jobs("completed")} == {1}


def test_jobs_that_need_not_wait_pass_those_that_must(queue, start_worker):
    queue.add_bulk([BulkJob("slow") for _ in range(5)] + [BulkJob("quick") for _ in range(5)])
    start_worker(Held(lambda delivery: 3600 if delivery.job.name == "slow" else 0))
    wait_until(lambda: queue.get_job_counts("completed")["completed"] == 5)
    assert queue.get_job_counts("delayed")["delayed"] == 5


def test_a_hold_that_raises_holds_nothing(queue, start_worker, caplog):
    def hold(delivery):
        raise ValueError("no idea")

    job = queue.add("x")
    start_worker(Held(hold))
    wait_until(lambda: queue.get_state(job.id) == "completed")
    assert "no idea" in caplog.text
