"""Threads and coroutines: time limits, cancelling, and how many run at once."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from bullrush.core import JobFailed
from bullrush.core.errors import InvalidOption, SoftTimeLimitExceeded
from bullrush.core.worker import Worker
from tests.support import handlers
from tests.support.waiting import wait_until


def finish(events, job, timeout=30):
    """The value of a job, when it is there."""
    return events.wait_until_finished(job.id, timeout)


@pytest.mark.parametrize("pool", ["threads", "asyncio"])
def test_the_soft_limit_is_raised_inside_a_plain_function(queue, events, start_worker, pool):
    start_worker(handlers.act, pool=pool, soft_time_limit=0.2)
    assert finish(events, queue.add("clean up", 60)) == "cleaned up"
    with pytest.raises(JobFailed, match=r"soft time limit of 0\.2 s"):
        finish(events, queue.add("spin", 60))
    assert finish(events, queue.add("double", 2)) == 4


@pytest.mark.parametrize("pool", ["threads", "asyncio"])
def test_the_soft_limit_cancels_a_coroutine(queue, events, start_worker, pool):
    start_worker(handlers.act_async, pool=pool, soft_time_limit=0.2)
    with pytest.raises(JobFailed, match=r"soft time limit of 0\.2 s"):
        finish(events, queue.add("sleep", 60))
    assert finish(events, queue.add("double", 2)) == 4


def test_a_coroutine_that_swallows_everything_is_abandoned(queue, events, start_worker):
    start_worker(handlers.act_async, pool="asyncio", soft_time_limit=0.1, time_limit=0.3)
    with pytest.raises(JobFailed, match=r"hard time limit of 0\.3 s"):
        finish(events, queue.add("swallow", 60))
    assert finish(events, queue.add("double", 2)) == 4


@pytest.mark.parametrize(
    ("pool", "handler", "name"),
    [
        ("threads", handlers.act, "spin"),
        ("asyncio", handlers.act, "spin"),
        ("asyncio", handlers.act_async, "sleep"),
        ("threads", handlers.act_async, "sleep"),
    ],
)
def test_a_running_job_is_cancelled_by_its_id(queue, events, start_worker, pool, handler, name):
    worker = start_worker(handler, pool=pool)
    job = queue.add(name, 60, attempts=5)
    wait_until(lambda: worker.cancel(job.id, "no longer wanted"))
    with pytest.raises(JobFailed, match="no longer wanted"):
        finish(events, job)
    assert not worker.cancel(job.id)
    assert finish(events, queue.add("double", 1)) == 2


@pytest.mark.parametrize("pool", ["threads", "asyncio"])
def test_coroutines_run_side_by_side_up_to_the_concurrency(queue, events, start_worker, pool):
    most, now, all_run = [0], [0], asyncio.Event()

    async def handler(delivery):
        now[0] += 1
        most[0] = max(most[0], now[0])
        if now[0] == 5:
            all_run.set()
        await asyncio.wait_for(all_run.wait(), 20)
        await asyncio.sleep(0)  # a sixth would run now
        now[0] -= 1

    start_worker(handler, pool=pool, concurrency=5)
    jobs = [queue.add("x") for _ in range(20)]
    for job in jobs:
        finish(events, job)
    assert most == [5]


def test_coroutines_need_no_slot_where_the_worker_says_so(queue, events, start_worker):
    arrived = asyncio.Event()

    async def handler(delivery):
        if delivery.data == "last":
            arrived.set()
        await asyncio.wait_for(arrived.wait(), 20)
        return delivery.data

    start_worker(handler, pool="threads", concurrency=1, coroutines=5)
    first = [queue.add("x", n) for n in range(4)]
    assert finish(events, queue.add("x", "last")) == "last"
    assert [finish(events, job) for job in first] == [0, 1, 2, 3]


def test_a_coroutine_that_blocks_stops_no_lock_renewal(queue, events, start_worker):
    async def handler(delivery):
        time.sleep(2.5)  # The wrong that is tested, for longer than a lock lives.
        return delivery.lock_lost

    # Renewed ten times in what a lock lives: a busy machine may leave some of them out.
    options = {"lock_duration": 2_000, "lock_renew_time": 400, "stalled_interval": 200}
    start_worker(handler, pool="asyncio", **options)
    assert finish(events, queue.add("x")) is False


def test_plain_functions_beside_coroutines_do_not_stop_them(queue, events, start_worker):
    gate = threading.Event()

    async def tell():
        gate.set()
        return "told"

    class Handler:
        def __call__(self, delivery):
            return tell() if delivery.job.name == "coroutine" else gate.wait(20)

        def is_coroutine(self, delivery):
            return delivery.job.name == "coroutine"

    start_worker(Handler(), pool="asyncio", concurrency=2)
    blocked = queue.add("plain")
    assert finish(events, queue.add("coroutine")) == "told"
    assert finish(events, blocked) is True


def test_more_slots_and_fewer_while_it_runs(queue, events, start_worker):
    meeting = threading.Barrier(3, timeout=20)
    worker = start_worker(lambda delivery: meeting.wait() >= 0, concurrency=1)
    jobs = [queue.add("meet") for _ in range(3)]
    worker.concurrency = 3
    assert [finish(events, job) for job in jobs] == [True] * 3
    with pytest.raises(InvalidOption, match="concurrency"):
        worker.concurrency = 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pool": "threads", "time_limit": 5}, "prefork"),
        ({"pool": "solo", "time_limit": 5}, "prefork"),
        ({"pool": "solo", "soft_time_limit": 5}, "solo"),
        ({"pool": "threads", "max_tasks_per_child": 5}, "prefork"),
        ({"pool": "threads", "soft_time_limit": 5, "time_limit": 3}, "above"),
        ({"pool": "threads", "soft_time_limit": 0}, "above 0"),
        ({"pool": "gevent"}, "unknown pool"),
        ({"pool": "prefork", "start_method": "clone"}, "forkserver"),
    ],
)
def test_what_a_pool_cannot_do_is_refused_with_the_remedy(url, queue_name, options, words):
    with pytest.raises(InvalidOption, match=words):
        Worker(queue_name, handlers.act, url=url, **options)


@pytest.mark.parametrize("pool", ["threads", "asyncio", "solo"])
@pytest.mark.parametrize("handler", [handlers.act, handlers.act_async])
@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("sys.exit", 1, "^1$"),
        ("object", None, "no JSON form"),
        ("odd", None, "^1 2$"),
        ("interrupt", None, "KeyboardInterrupt"),
    ],
)
def test_what_a_job_may_do_wrong_is_named_and_the_worker_lives(
    queue, events, start_worker, pool, handler, name, data, words
):
    start_worker(handler, pool=pool)
    with pytest.raises(JobFailed, match=words):
        finish(events, queue.add(name, data))
    assert finish(events, queue.add("double", 2)) == 4


@pytest.mark.parametrize("pool", ["threads", "asyncio", "solo"])
def test_a_job_that_prints_a_megabyte_is_a_job_like_others(
    queue, events, start_worker, pool, capfd
):
    start_worker(handlers.act, pool=pool)
    assert finish(events, queue.add("print", 1_000_000)) == "printed"


@pytest.mark.parametrize("pool", ["threads", "asyncio"])
def test_a_job_that_blocks_for_ever_is_handed_back_when_the_worker_stops(
    queue, events, start_worker, pool
):
    gate = threading.Event()
    worker = start_worker(lambda delivery: delivery.data == "block" and gate.wait(), pool=pool)
    blocks = queue.add("x", "block")
    wait_until(lambda: queue.get_state(blocks.id) == "active")
    assert not worker.stop(0.2)
    assert queue.get_state(blocks.id) == "waiting"
    gate.set()


def test_a_thread_that_swallows_its_soft_limit_keeps_only_its_slot(queue, events, start_worker):
    ended = threading.Event()

    def handler(delivery):
        while delivery.data == "swallow" and not ended.is_set():
            try:
                time.sleep(0.01)  # What the job is for.
            except SoftTimeLimitExceeded:
                continue
        return "done"

    start_worker(handler, pool="threads", concurrency=2, soft_time_limit=0.1)
    swallows = queue.add("x", "swallow")
    assert finish(events, queue.add("x", "other")) == "done"
    assert queue.get_state(swallows.id) == "active"
    ended.set()
    assert finish(events, swallows) == "done"
