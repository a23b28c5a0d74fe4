"""The worker with its threads and services: design section 5, protocol part 1, section 10."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from bullrush.core import (
    BulkJob,
    Completed,
    Postponed,
    Queue,
    Retried,
    UnrecoverableError,
)
from bullrush.core.clock import now_ms
from bullrush.core.drivers import connect
from bullrush.core.drivers.server_binary import ServerProcess
from bullrush.core.errors import AuthenticationFailed, InvalidOption, JobFailed
from bullrush.core.worker import Limiter, Worker
from tests.support.silent_proxy import SilentProxy
from tests.support.waiting import wait_until


@pytest.fixture(params=["solo", "threads"])
def pool(request):
    """Both pools do the same."""
    return request.param


def repr_type(value):
    """A test id that every terminal can print."""
    return type(value).__name__


def finish(events, job, timeout=15):
    """The value of a job, when it is there."""
    return events.wait_until_finished(job.id, timeout)


def test_a_worker_runs_what_is_there_and_what_comes(queue, events, start_worker, pool):
    first = queue.add("double", 21)
    start_worker(lambda delivery: delivery.data * 2, pool=pool)
    assert finish(events, first) == 42
    assert finish(events, queue.add("double", 4)) == 8


def test_every_job_of_many_runs_exactly_once(queue, start_worker, pool):
    count, seen, done, guard = 300, [], threading.Event(), threading.Lock()

    def handler(delivery):
        with guard:
            seen.append(delivery.data)
            if len(seen) == count:
                done.set()

    queue.add_bulk([BulkJob("n", n) for n in range(count)])
    worker = start_worker(handler, pool=pool, concurrency=8)
    assert done.wait(30)
    assert worker.stop(timeout=10)
    assert sorted(seen) == list(range(count))
    assert queue.get_job_counts("completed", "active", "waiting") == {
        "completed": count,
        "active": 0,
        "waiting": 0,
    }


def test_slots_run_side_by_side(queue, events, start_worker):
    meeting = threading.Barrier(3, timeout=10)
    start_worker(lambda delivery: meeting.wait() >= 0, concurrency=3)
    jobs = [queue.add("meet") for _ in range(3)]
    assert [finish(events, job) for job in jobs] == [True] * 3


def test_a_failure_is_retried_as_often_as_its_attempts_say(queue, events, start_worker, pool):
    def handler(delivery):
        if delivery.job.attempts_made < 2:
            raise ValueError(f"attempt {delivery.job.attempts_made + 1}")
        return "third"

    start_worker(handler, pool=pool)
    job = queue.add("x", attempts=3, backoff=20)
    assert finish(events, job) == "third"
    job = queue.get_job(job.id)
    assert (job.attempts_made, job.attempts_started) == (3, 3)
    assert [("attempt" in row and "ValueError" in row) for row in job.stacktrace] == [True, True]


def test_the_last_failure_is_final(queue, events, start_worker):
    def handler(delivery):
        raise ValueError("always")

    start_worker(handler)
    job = queue.add("x", attempts=2)
    with pytest.raises(JobFailed, match="always"):
        finish(events, job)
    assert queue.get_job(job.id).attempts_made == 2


def test_an_unrecoverable_error_ends_a_job_at_once(queue, events, start_worker):
    def handler(delivery):
        raise UnrecoverableError("no use")

    start_worker(handler)
    job = queue.add("x", attempts=5)
    with pytest.raises(JobFailed, match="no use"):
        finish(events, job)
    assert queue.get_job(job.id).attempts_made == 1


def test_a_custom_strategy_decides_the_delay(queue, events, start_worker):
    asked = []

    def strategy(attempt, kind, error, job):
        asked.append((attempt, kind, str(error)))
        return -1 if attempt == 2 else 0

    def handler(delivery):
        raise ValueError("x")

    start_worker(handler, strategies={"mine": strategy})
    job = queue.add("x", attempts=9, backoff={"type": "mine"})
    with pytest.raises(JobFailed):
        finish(events, job)
    assert asked == [(1, "mine", "x"), (2, "mine", "x")]


def test_an_outcome_may_be_returned(queue, events, start_worker):
    def handler(delivery):
        started = delivery.job.attempts_started
        if started == 1:
            return Postponed(10)
        if started == 2:
            return Retried(10, "not yet")
        return Completed("at last")

    start_worker(handler)
    job = queue.add("x")
    assert finish(events, job) == "at last"
    assert queue.get_job(job.id).attempts_made == 2


def test_a_coroutine_handler_is_run(queue, events, start_worker):
    async def handler(delivery):
        return delivery.data

    start_worker(handler)
    assert finish(events, queue.add("x", "async")) == "async"


@pytest.mark.parametrize("value", [object(), float("nan"), {1, 2}])
def test_a_value_without_json_form_fails_its_job_only(queue, events, start_worker, value):
    start_worker(lambda delivery: value if delivery.data == "bad" else "good")
    with pytest.raises(JobFailed, match="the returned value"):
        finish(events, queue.add("x", "bad"))
    assert finish(events, queue.add("x", "fine")) == "good"


def test_data_that_is_not_json_fails_its_job_only(queue, events, start_worker, stored):
    job = queue.add("x", delay=60_000)
    stored.run("HSET", stored.keys.job(job.id), "data", "{nonsense")
    queue.promote(job.id)
    start_worker(lambda delivery: "good")
    with pytest.raises(JobFailed, match="not JSON"):
        finish(events, job)
    assert finish(events, queue.add("x")) == "good"


def test_data_beyond_the_workers_size_is_failed_unseen(queue, events, start_worker):
    start_worker(lambda delivery: "seen", size_limit=50)
    with pytest.raises(JobFailed, match="size_limit=50"):
        finish(events, queue.add("x", "a" * 100))
    assert finish(events, queue.add("x", "a")) == "seen"


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), ValueError("\ud800 broken text")], ids=repr_type
)
def test_no_exception_of_a_handler_ends_the_worker(queue, events, start_worker, error, pool):
    def handler(delivery):
        if delivery.data == "bad":
            raise error
        return "good"

    start_worker(handler, pool=pool)
    with pytest.raises(JobFailed):
        finish(events, queue.add("x", "bad"))
    assert finish(events, queue.add("x", "fine")) == "good"


def test_progress_and_log_are_written_during_the_run(queue, events, start_worker):
    seen = []
    events.on("progress", lambda event: seen.append(event.value))

    def handler(delivery):
        delivery.update_progress({"done": 1})
        return delivery.log("row")

    start_worker(handler)
    job = queue.add("x")
    assert finish(events, job) == 1
    assert (queue.get_logs(job.id), seen) == (["row"], [{"done": 1}])


def test_an_idle_worker_starts_a_new_job_at_once(queue, events, start_worker):
    start_worker(lambda delivery: time.time(), drain_delay=30.0)
    finish(events, queue.add("warm up"))
    added = time.time()
    assert finish(events, queue.add("x")) - added < 5


def test_a_delayed_job_starts_at_its_time_and_not_before(queue, events, start_worker):
    start_worker(lambda delivery: time.time() * 1000, drain_delay=30.0)
    job = queue.add("x", delay=400)
    assert finish(events, job) >= job.timestamp + 400


def test_several_idle_workers_share_simultaneous_jobs(queue, events, start_worker):
    meeting = threading.Barrier(3, timeout=10)
    for _ in range(3):
        start_worker(lambda delivery: meeting.wait() >= 0, drain_delay=30.0)
    jobs = queue.add_bulk([BulkJob("meet") for _ in range(3)])
    assert [finish(events, job) for job in jobs] == [True] * 3


def test_a_paused_queue_runs_nothing_until_it_is_resumed(queue, events, start_worker):
    ran = threading.Event()
    start_worker(lambda delivery: ran.set(), drain_delay=30.0)
    queue.pause()
    job = queue.add("x")
    assert queue.get_state(job.id) == "waiting"
    assert not ran.wait(0.3)  # that nothing happens has no signal
    queue.resume()
    finish(events, job)
    assert ran.is_set()


def test_one_worker_serves_several_queues_in_turn(url, queue_name, start_worker):
    names = [f"{queue_name}-{part}" for part in "ab"]
    queues = [Queue(name, url=url) for name in names]
    order, done = [], threading.Event()

    def handler(delivery):
        order.append(delivery.queue.name)
        if len(order) == 12:
            done.set()

    for queue in queues:
        queue.add_bulk([BulkJob("x") for _ in range(6)])
    start_worker(handler, queues=names, concurrency=1)
    assert done.wait(15)
    assert set(order[:4]) == set(names), f"one queue waited for the other: {order}"
    for queue in queues:
        queue.close()


def test_a_rate_limit_spreads_the_jobs(queue, start_worker):
    times, done = [], threading.Event()

    def handler(delivery):
        times.append(time.monotonic())
        if len(times) == 6:
            done.set()

    queue.add_bulk([BulkJob("x") for _ in range(6)])
    start_worker(handler, concurrency=6, limiter=Limiter(max=2, duration=300))
    assert done.wait(20)
    assert times[-1] - times[0] >= 0.5


def test_locks_of_long_jobs_are_renewed(queue, start_worker, stored):
    release, started = threading.Event(), threading.Event()

    def handler(delivery):
        started.set()
        release.wait(20)
        return delivery.lock_lost

    # Renewed ten times in what a lock lives: a busy machine may leave some of them out.
    options = {"lock_duration": 2_000, "lock_renew_time": 400, "stalled_interval": 100}
    worker = start_worker(handler, **options)
    job = queue.add("x")
    assert started.wait(10)
    key = stored.keys.job_part(job.id, "lock")
    over = queue.get_job(job.id).processed_on + 2_500
    wait_until(lambda: now_ms() > over, 10, "more than a lock lives; time itself is waited for")
    assert stored.exists(key)
    release.set()
    worker.stop(timeout=10)
    assert queue.get_job(job.id).returnvalue is False
    assert queue.get_job(job.id).stalled_count == 0


def test_locks_are_renewed_as_often_as_the_renew_time_says(queue, events, start_worker, stored):
    def handler(delivery):
        key = stored.keys.job_part(delivery.job.id, "lock")
        stored.run("PEXPIRE", key, 15_000)
        wait_until(lambda: stored.run("PTTL", key) > 20_000)
        return True

    start_worker(handler, lock_duration=30_000, lock_renew_time=100)
    assert finish(events, queue.add("x")) is True


def test_a_worker_that_skips_renewal_loses_its_lock(queue, start_worker, stored):
    lost = threading.Event()

    def handler(delivery):
        wait_until(lambda: not stored.exists(stored.keys.job_part(delivery.job.id, "lock")))
        lost.set()

    start_worker(handler, lock_duration=100, skip_lock_renewal=True, skip_stalled_check=True)
    queue.add("x")
    assert lost.wait(10)


def test_a_worker_that_skips_the_stalled_check_leaves_it_to_others(
    queue, events, start_worker, stored
):
    start_worker(lambda delivery: None, skip_stalled_check=True)
    finish(events, queue.add("x"))
    assert not stored.exists(stored.keys.stalled_check)


def test_a_lost_lock_is_told_and_the_outcome_does_not_count(queue, start_worker, stored, caplog):
    release, started = threading.Event(), threading.Event()

    def handler(delivery):
        started.set()
        while not delivery.lock_lost and not release.wait(0.01):
            pass
        return "mine"

    worker = start_worker(handler, lock_duration=400, stalled_interval=60_000)
    job = queue.add("x")
    assert started.wait(10)
    with caplog.at_level(logging.WARNING, "bullrush.worker"):
        stored.run("SET", stored.keys.job_part(job.id, "lock"), "somebody else")
        assert worker.stop(timeout=10)
    release.set()
    assert "lock lost: job 1" in caplog.text
    assert "not counted: the outcome of job 1: Lock mismatch" in caplog.text
    assert queue.get_job(job.id).returnvalue is None


def test_a_job_of_a_lost_worker_is_taken_over(queue, events, start_worker, hands, stored):
    job = queue.add("x")
    hands.take(lock_ms=1)
    stored.run("DEL", stored.keys.job_part(job.id, "lock"))
    start_worker(lambda delivery: "taken over", stalled_interval=50)
    assert finish(events, job) == "taken over"
    assert queue.get_job(job.id).stalled_count == 1


def test_stop_lets_running_jobs_end_and_takes_no_more(queue, start_worker):
    started, release = threading.Event(), threading.Event()

    def handler(delivery):
        started.set()
        release.wait(10)
        return "done"

    worker = start_worker(handler)
    first, second = queue.add("x"), queue.add("x")
    assert started.wait(10)
    worker.request_stop()
    release.set()
    assert worker.stop()
    assert (queue.get_state(first.id), queue.get_state(second.id)) == ("completed", "waiting")


def test_stop_does_not_wait_longer_than_it_is_told(queue, start_worker, caplog):
    started, release = threading.Event(), threading.Event()

    def handler(delivery):
        started.set()
        release.wait(30)

    worker = start_worker(handler)
    job = queue.add("x")
    assert started.wait(10)
    with caplog.at_level(logging.WARNING, "bullrush.worker"):
        assert not worker.stop(timeout=0.1)
    assert f"handed back: job {job.id}" in caplog.text
    assert queue.get_state(job.id) == "waiting"
    release.set()


def test_an_idle_worker_stops_at_once(start_worker):
    worker = start_worker(lambda delivery: None, drain_delay=30.0)
    began = time.monotonic()
    assert worker.stop()
    assert worker.stop()
    assert time.monotonic() - began < 5


def test_the_log_says_what_happens(queue, events, start_worker, caplog):
    def handler(delivery):
        if delivery.data == "bad":
            raise ValueError("boom")

    with caplog.at_level(logging.INFO, "bullrush.worker"):
        worker = start_worker(handler, name="w1")
        finish(events, queue.add("good"))
        with pytest.raises(JobFailed):
            finish(events, queue.add("send", "bad"))
        worker.stop()
    assert "initialized: worker w1" in caplog.text
    assert "completed: job 1 (good)" in caplog.text
    assert "failed: job 2 (send)" in caplog.text
    assert "boom" in caplog.text
    assert "stopped: worker w1" in caplog.text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"concurency": 2}, "did you mean 'concurrency'"),
        ({"concurrency": 0}, "concurrency"),
        ({"pool": "process"}, "unknown pool 'process'"),
        ({"name": "a b"}, "no spaces"),
        ({"lock_duration": -1}, "lock_duration"),
        ({"drain_delay": 0}, "drain_delay"),
        ({"metrics": 0}, "metrics"),
        ({"lock_renew_time": 1.5}, "lock_renew_time"),
        ({"max_started_attempts": 0}, "max_started_attempts"),
        ({"maximum_rate_limit_delay": True}, "maximum_rate_limit_delay"),
        ({"skip_stalled_check": 1}, "skip_stalled_check is True or False"),
    ],
)
def test_wrong_worker_options_are_refused(url, queue_name, options, words):
    with pytest.raises(InvalidOption, match=words):
        Worker(queue_name, lambda delivery: None, url=url, **options)


def test_a_worker_without_queues_is_refused(url):
    with pytest.raises(InvalidOption, match="at least one queue"):
        Worker([], lambda delivery: None, url=url)


def test_a_worker_whose_login_is_refused_says_so_at_once(redis_url, queue_name):
    host = redis_url.split("://")[1]
    worker = Worker(queue_name, lambda delivery: None, url=f"redis://user:hush@{host}")
    with pytest.raises(AuthenticationFailed):
        worker.start()
    with pytest.raises(AuthenticationFailed):
        worker.run()


def test_a_worker_outlives_its_connections_and_commits_what_it_did_meanwhile(queue_name):
    started, release = threading.Event(), threading.Event()

    def handler(delivery):
        started.set()
        release.wait(20)
        return "kept"

    with ServerProcess() as server, Queue(queue_name, url=server.url) as queue:
        worker = Worker(queue_name, handler, url=server.url).start()
        job = queue.add("x")
        assert started.wait(10)
        # Every connection of the worker breaks at once.
        queue.driver.execute(("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
        release.set()
        wait_until(lambda: queue.get_state(job.id) == "completed")
        assert queue.get_job(job.id).returnvalue == "kept"
        second = queue.add("x")
        wait_until(lambda: queue.get_state(second.id) == "completed")
        assert worker.stop(timeout=10)


def test_a_connection_that_has_died_in_silence_is_replaced(redis_url, queue_name, monkeypatch):
    """A server that is gone without a word, as behind a firewall that forgot the connection."""
    monkeypatch.setattr("bullrush.core.worker.standby.GRACE", 0.2)
    address = urlsplit(redis_url)
    with (
        SilentProxy(address.hostname, address.port) as proxy,
        Queue(queue_name, url=redis_url) as queue,
        closing(connect(proxy.url, timeout=0.5)) as driver,
        Worker(queue_name, lambda delivery: "done", driver=driver, drain_delay=0.2),
    ):
        first = queue.add("x")
        wait_until(lambda: queue.get_state(first.id) == "completed")
        proxy.fall_silent()
        job = queue.add("x")
        wait_until(lambda: queue.get_state(job.id) == "completed", 20)
