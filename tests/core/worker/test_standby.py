"""A worker that waits in Redis with its fetch already sent."""

from __future__ import annotations

import threading
from contextlib import closing
from urllib.parse import urlsplit

from bullrush.core import Queue
from bullrush.core.clock import now_ms
from bullrush.core.drivers import connect
from bullrush.core.worker import Worker
from tests.support.silent_proxy import SilentProxy
from tests.support.waiting import wait_until


def sleepers(queue):
    """How many clients wait in Redis for a job, or for an event."""
    said = queue.driver.execute(("INFO", "clients")).decode()
    return int(said.split("blocked_clients:")[1].split()[0])


def test_a_job_that_comes_after_a_long_sleep_has_the_time_of_its_own_start(
    queue, events, start_worker
):
    start_worker(lambda delivery: delivery.job.processed_on, drain_delay=30.0)
    long_before = events.wait_until_finished(queue.add("x").id, 20)
    wait_until(lambda: now_ms() > long_before + 300, 10, "a while; time itself is waited for")
    before = now_ms()
    processed_on = events.wait_until_finished(queue.add("x").id, 20)
    assert before - 2 <= processed_on <= now_ms()


def test_delayed_jobs_of_several_queues_start_in_time_while_the_sleepers_sleep_on(
    url, queue, queue_name, events, start_worker
):
    start_worker(lambda delivery: now_ms(), queues=[queue_name, f"{queue_name}-b"], drain_delay=60)
    late = queue.add("late", delay=60_000)
    events.wait_until_finished(queue.add("x").id, 20)
    job = queue.add("x", delay=300)  # comes before the one that the worker knows of
    started = events.wait_until_finished(job.id, 20)
    assert started >= job.timestamp + 300
    assert queue.get_state(late.id) == "delayed"


def test_one_worker_holds_back_no_delayed_job_that_is_due_when_it_is_full(
    queue, events, start_worker
):
    release, busy = threading.Event(), threading.Event()

    def hold(delivery):
        busy.set()
        release.wait(20)
        return "first"

    first = start_worker(hold, drain_delay=60)
    queue.add("long")
    assert busy.wait(20)
    start_worker(lambda delivery: "second", drain_delay=60)
    try:
        job = queue.add("x", delay=200)
        assert events.wait_until_finished(job.id, 20) == "second"
    finally:
        release.set()
        first.stop(timeout=10)


def test_jobs_handed_to_a_connection_that_is_dead_are_run_at_once(redis_url, queue_name):
    """Redis does not know yet that nobody reads there."""
    address = urlsplit(redis_url)
    with (
        SilentProxy(address.hostname, address.port) as proxy,
        Queue(queue_name, url=redis_url) as queue,
        closing(connect(proxy.url, timeout=0.5)) as driver,
        Worker(queue_name, lambda delivery: "done", driver=driver, drain_delay=0.5) as worker,
    ):
        wait_until(lambda: worker._consumer.feeds[0].standby.out)
        standby = worker._consumer.feeds[0].standby
        proxy.fall_silent()
        job = queue.add("x")
        wait_until(lambda: queue.get_state(job.id) == "active")
        standby._deadline = 0.0  # as if its time were over
        worker._crew.look_again()
        wait_until(lambda: queue.get_state(job.id) == "completed", 20)
        assert queue.get_job(job.id).attempts_made == 1
        assert queue.get_job(job.id).stalled_count == 0


def test_what_a_stopped_worker_was_handed_goes_back_unstarted(redis_url, queue_name):
    with (
        Queue(queue_name, url=redis_url) as queue,
        Worker(queue_name, lambda delivery: "done", driver=queue.driver, drain_delay=30) as worker,
    ):
        wait_until(lambda: worker._consumer.feeds[0].standby.out)
        worker.pause()
        job = queue.add("x")
        wait_until(lambda: sleepers(queue) == 0)
        wait_until(lambda: queue.get_state(job.id) == "waiting")
        assert queue.get_job(job.id).attempts_started == 0


def test_a_worker_that_gets_a_second_queue_serves_both(redis_url, queue_name):
    with (
        Queue(queue_name, url=redis_url) as queue,
        Queue(f"{queue_name}-b", url=redis_url) as other,
        Worker(queue_name, lambda delivery: "done", driver=queue.driver, drain_delay=30) as worker,
    ):
        wait_until(lambda: worker._consumer.feeds[0].standby.out)
        worker.add_queue(other.name)
        for _ in range(3):
            jobs = [each.add("x") for each in (queue, other)]
            wait_until(lambda jobs=jobs: queue.get_state(jobs[0].id) == "completed")
            wait_until(lambda jobs=jobs: other.get_state(jobs[1].id) == "completed")
