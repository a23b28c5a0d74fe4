"""Deliveries in child processes: nothing a job does there can cost another job."""

from __future__ import annotations

import logging
import os
import signal

import pytest

from bullrush.core import BulkJob, JobFailed
from bullrush.core.errors import InvalidOption
from bullrush.core.worker import Worker
from tests.support import handlers
from tests.support.waiting import wait_until


@pytest.fixture
def url(redis_url):
    """Processes share no memory, so there must be a server."""
    return redis_url


@pytest.fixture
def start(start_worker):
    """Starts a prefork worker."""

    def start(handler=handlers.act, **options):
        return start_worker(handler, pool="prefork", **{"concurrency": 2, **options})

    return start


def finish(events, job, timeout=30):
    """The value of a job, when it is there."""
    return events.wait_until_finished(job.id, timeout)


@pytest.mark.parametrize("method", ["forkserver", "spawn", "fork"])
def test_jobs_run_in_children_of_every_start_method(queue, events, start, method):
    worker = start(start_method=method)
    pids = {finish(events, queue.add("pid")) for _ in range(6)}
    assert pids <= set(worker.pool.pids())


@pytest.mark.parametrize("handler", [handlers.move, handlers.move_async])
def test_a_job_may_move_itself_from_a_child(queue, events, start, handler):
    moves = ["delay", "wait", "limit", "wait", "delay"]
    jobs = [queue.add("x", {"moves": moves, "by": [], "ms": 5}) for _ in range(3)]
    start(handler)
    for job in jobs:
        assert finish(events, job) == ["python"] * 5
        done = queue.get_job(job.id)
        assert (done.attempts_made, done.attempts_started) == (1, 6)


def test_many_short_jobs_are_each_run_once(queue, start):
    worker = start()
    count = 500
    queue.add_bulk([BulkJob("double", n) for n in range(count)])
    wait_until(lambda: queue.get_job_counts("completed")["completed"] == count, 30)
    assert worker.stop(10)
    jobs = queue.get_jobs("completed")
    assert sorted(job.returnvalue for job in jobs) == [2 * n for n in range(count)]
    assert {job.attempts_started for job in jobs} == {1}


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("exit", 3, "exit code 3"),
        ("kill", "SIGKILL", "SIGKILL"),
        ("kill", "SIGSEGV", "SIGSEGV"),
    ],
)
def test_a_job_that_kills_its_child_fails_with_how_it_died_and_the_others_go_on(
    queue, events, start, name, data, words
):
    start(fail_when_lost=True)
    slow = queue.add("sleep", 0.5)
    deadly = queue.add(name, data)
    with pytest.raises(JobFailed, match=f"Worker exited prematurely: .*{words}"):
        finish(events, deadly)
    assert finish(events, slow) == "slept"
    assert finish(events, queue.add("double", 2)) == 4


def test_a_lost_job_is_given_back_until_it_has_stalled_too_often(queue, events, start):
    start(max_stalled_count=2)
    deadly = queue.add("exit", 9)
    with pytest.raises(JobFailed, match=r"exit code 9 \(lost 3 times\)"):
        finish(events, deadly)
    job = queue.get_job(deadly.id)
    assert (job.attempts_started, job.stalled_count, job.attempts_made) == (3, 2, 1)


def test_jobs_that_waited_in_a_dead_child_are_not_blamed(queue, start):
    count = 60
    start(concurrency=1, fail_when_lost=True)
    warm_up = [BulkJob("double", n) for n in range(100)]
    queue.add_bulk([*warm_up, BulkJob("exit", 1), *warm_up[:count]])
    wait_until(lambda: sum(queue.get_job_counts("completed", "failed").values()) == 161, 30)
    assert queue.get_job_counts("failed")["failed"] == 1


def test_jobs_that_wait_behind_a_long_one_move_to_another_child(queue, events, start):
    start(concurrency=2)
    queue.add_bulk([BulkJob("double", n) for n in range(200)])
    wait_until(lambda: queue.get_job_counts("completed")["completed"] == 200, 30)
    long = queue.add("sleep", 3)
    short = queue.add_bulk([BulkJob("double", n) for n in range(20)])
    for job in short:
        finish(events, job)
    assert queue.get_state(long.id) == "active"


def test_the_soft_limit_is_raised_inside_the_job(queue, events, start):
    start(soft_time_limit=0.2)
    assert finish(events, queue.add("clean up", 30)) == "cleaned up"
    with pytest.raises(JobFailed, match=r"soft time limit of 0\.2 s"):
        finish(events, queue.add("sleep", 30))


def test_the_hard_limit_kills_the_child_and_only_its_job(queue, events, start):
    worker = start(time_limit=0.5)
    before = set(worker.pool.pids())
    with pytest.raises(JobFailed, match=r"hard time limit of 0\.5 s"):
        finish(events, queue.add("swallow", 30))
    assert finish(events, queue.add("double", 1)) == 2
    assert wait_until(lambda: set(worker.pool.pids()) - before)


def test_a_coroutine_leaves_its_child_free(queue, events, start):
    start(handlers.act_async, concurrency=1, coroutines=10)
    slow = [queue.add("sleep", 1) for _ in range(5)]
    assert finish(events, queue.add("double", 4)) == 8
    assert queue.get_state(slow[0].id) == "active"
    assert {finish(events, job) for job in slow} == {"slept"}


def test_a_coroutine_that_swallows_its_cancellation_is_abandoned(queue, events, start):
    start(handlers.act_async, concurrency=1, time_limit=0.5)
    with pytest.raises(JobFailed, match="hard time limit"):
        finish(events, queue.add("swallow", 30))
    assert finish(events, queue.add("double", 4)) == 8


def test_a_coroutine_that_never_yields_is_killed_with_its_child(queue, events, start):
    start(handlers.act_async, concurrency=1, time_limit=0.3)
    with pytest.raises(JobFailed, match="hard time limit"):
        finish(events, queue.add("spin", 60))
    assert finish(events, queue.add("double", 4)) == 8


@pytest.mark.parametrize(("name", "words"), [("exit", "exit code 3"), ("sys.exit", "^3$")])
def test_a_coroutine_may_end_its_process_as_little_as_a_function(queue, events, start, name, words):
    start(handlers.act_async, concurrency=1, fail_when_lost=True)
    with pytest.raises(JobFailed, match=words):
        finish(events, queue.add(name, 3))
    assert finish(events, queue.add("double", 4)) == 8


def test_a_child_is_replaced_after_its_number_of_jobs(queue, events, start):
    start(concurrency=1, max_tasks_per_child=2)
    pids = [finish(events, queue.add("pid")) for _ in range(6)]
    assert len(set(pids)) == 3


def test_a_child_that_holds_too_much_memory_is_replaced(queue, events, start):
    start(concurrency=1, max_memory_per_child=1)
    pids = [finish(events, queue.add("pid")) for _ in range(3)]
    assert len(set(pids)) == 3


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("sys.exit", 1, "^1$"),
        ("object", None, "no JSON form"),
        ("odd", None, "^1 2$"),
        ("interrupt", None, "KeyboardInterrupt"),
    ],
)
def test_what_a_job_may_do_wrong_is_named_and_its_child_lives(
    queue, events, start, name, data, words
):
    worker = start(concurrency=1)
    assert finish(events, queue.add("double", 1)) == 2
    before = worker.pool.pids()
    with pytest.raises(JobFailed, match=words):
        finish(events, queue.add(name, data))
    assert worker.pool.pids() == before


def test_a_job_that_prints_a_megabyte_is_a_job_like_others(queue, events, start, capfd):
    start(concurrency=1)
    assert finish(events, queue.add("print", 1_000_000)) == "printed"


def test_a_job_that_kills_the_parent_of_its_child_does_not_end_the_worker(queue, events, start):
    start(concurrency=2, fail_when_lost=True)
    assert finish(events, queue.add("double", 1)) == 2
    killer = queue.add("kill parent")
    events.wait_for_end(killer.id, 30)
    assert finish(events, queue.add("double", 3)) == 6


def test_a_running_job_is_cancelled_by_its_id(queue, events, start):
    worker = start(concurrency=1)
    job = queue.add("sleep", 60)
    wait_until(lambda: queue.get_state(job.id) == "active")
    assert wait_until(lambda: worker.cancel(job.id, "no longer wanted"))
    with pytest.raises(JobFailed, match="no longer wanted"):
        finish(events, job)
    assert finish(events, queue.add("double", 1)) == 2


def test_growing_and_shrinking(queue, events, start):
    worker = start(concurrency=1)
    worker.concurrency = 3
    wait_until(lambda: len(worker.pool.pids()) == 3)
    worker.concurrency = 1
    wait_until(lambda: len(worker.pool.pids()) == 1)
    assert finish(events, queue.add("double", 5)) == 10


def test_the_workers_own_process_says_which_jobs_must_wait(queue, start):
    queue.add_bulk([BulkJob("double", n) for n in range(5)])
    start(handlers.Paced(3600), concurrency=3)
    wait_until(lambda: queue.get_job_counts("completed")["completed"] == 1, 30)
    wait_until(lambda: queue.get_job_counts("delayed")["delayed"] == 4)


def test_a_handler_that_no_child_can_import_is_refused_at_once(url, queue_name):
    with pytest.raises(InvalidOption, match="top level of a module"):
        Worker(queue_name, lambda delivery: None, url=url, pool="prefork")


def test_memory_cannot_be_shared_with_children(queue_name):
    with pytest.raises(InvalidOption, match="prefork"):
        Worker(queue_name, handlers.act, url="memory://x", pool="prefork")


def test_a_child_killed_from_outside_while_idle_is_replaced(queue, events, start, caplog):
    caplog.set_level(logging.ERROR, "bullrush.worker")
    worker = start(concurrency=1)
    assert finish(events, queue.add("double", 1)) == 2
    (pid,) = worker.pool.pids()
    os.kill(pid, signal.SIGKILL)
    assert finish(events, queue.add("double", 2)) == 4
    assert "died" in caplog.text


def test_children_that_cannot_start_are_tried_again_with_pauses(queue, events, start, caplog):
    caplog.set_level(logging.ERROR, "bullrush.worker")
    start(concurrency=1, prepare_child=handlers.fail_once_to_start)
    assert finish(events, queue.add("double", 2)) == 4
    assert "died: exit code 7" in caplog.text
