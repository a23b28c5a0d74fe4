"""Handlers that get several jobs at once."""

from __future__ import annotations

import threading

import pytest

from bullrush.core import BulkJob, JobFailed, Postponed, QueueEvents, RateLimited
from bullrush.core.errors import InvalidOption
from bullrush.core.worker import Batching
from tests.support import handlers
from tests.support.waiting import wait_until

#: Every pool, with a handler that is a function and one that is a coroutine.
WAYS = [
    (pool, kind)
    for pool in ("threads", "asyncio", "solo", "prefork")
    for kind in (handlers.Batched, handlers.BatchedAsync)
]


@pytest.fixture
def url(url, request):
    """Processes share no memory."""
    asked = getattr(request.node, "callspec", None)
    if asked and asked.params.get("pool") == "prefork" and url.startswith("memory"):
        return request.getfixturevalue("redis_url")
    return url


@pytest.fixture
def finish(url, queue_name):
    """Waits for the value of a job."""
    with QueueEvents(queue_name, url=url) as events:
        yield lambda job: events.wait_until_finished(job.id, 30)


class Gathered:
    """A batch handler of a test."""

    def __init__(self, work, size=10, max_wait=0.3, key=None):
        self.work, self.size, self.max_wait, self.key = work, size, max_wait, key

    def __call__(self, batch):
        return self.work(batch)

    def batching(self, delivery):
        key = self.key(delivery) if self.key else ""
        return None if key is None else Batching(self.size, self.max_wait, key)


def in_state(queue, state, count):
    """Wait until so many jobs are in that state."""
    wait_until(lambda: queue.get_job_counts(state)[state] == count, 30)


@pytest.mark.parametrize(("pool", "kind"), WAYS)
def test_a_batch_is_full_or_has_waited_and_each_item_gets_its_answer(
    queue, finish, start_worker, pool, kind
):
    jobs = queue.add_bulk([BulkJob("size", n) for n in range(25)])
    start_worker(kind(), pool=pool)
    values = [finish(job) for job in jobs]
    assert [value[0] for value in values] == list(range(25))
    assert sorted(value[1] for value in values) == [5] * 5 + [10] * 20


@pytest.mark.parametrize(("pool", "kind"), WAYS)
def test_an_exception_in_the_list_fails_that_item_alone(queue, finish, start_worker, pool, kind):
    jobs = queue.add_bulk([BulkJob("even", n) for n in range(10)])
    start_worker(kind(), pool=pool)
    for n, job in enumerate(jobs):
        if n % 2:
            with pytest.raises(JobFailed, match=f"^{n} is odd$"):
                finish(job)
        else:
            assert finish(job) == n


@pytest.mark.parametrize(("pool", "kind"), WAYS)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("too few", "there were 10 items and 0 answers"),
        ("no list", "this one returned str"),
        ("odd", "^1 2$"),
    ],
)
def test_a_wrong_answer_or_an_exception_fails_every_item_by_name(
    queue, finish, start_worker, pool, kind, name, words
):
    jobs = queue.add_bulk([BulkJob(name, n) for n in range(10)])
    start_worker(kind(), pool=pool)
    for job in jobs:
        with pytest.raises(JobFailed, match=words):
            finish(job)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_no_answer_at_all_is_none_for_each(queue, finish, start_worker, pool):
    jobs = queue.add_bulk([BulkJob("nothing") for _ in range(3)])
    start_worker(handlers.Batched(), pool=pool)
    assert [finish(job) for job in jobs] == [None] * 3


@pytest.mark.parametrize("pool", ["prefork"])
def test_a_batch_whose_child_dies_is_lost_item_by_item(queue, finish, start_worker, pool):
    jobs = queue.add_bulk([BulkJob("exit", 3) for _ in range(10)])
    start_worker(handlers.Batched(), pool=pool, max_stalled_count=1)
    for job in jobs:
        with pytest.raises(JobFailed, match=r"exit code 3 \(lost 2 times\)"):
            finish(job)


@pytest.mark.parametrize("pool", ["prefork"])
def test_a_child_is_replaced_after_its_number_of_jobs_not_of_batches(
    queue, finish, start_worker, pool
):
    worker = start_worker(handlers.Batched(), pool=pool, concurrency=1, max_tasks_per_child=20)
    wait_until(lambda: worker.pool.pids())
    before = worker.pool.pids()
    jobs = queue.add_bulk([BulkJob("size", n) for n in range(20)])
    for job in jobs:
        finish(job)
    wait_until(lambda: worker.pool.pids() and worker.pool.pids() != before)


@pytest.mark.parametrize("pool", ["prefork"])
def test_the_hard_limit_ends_a_batch_as_a_whole(queue, finish, start_worker, pool):
    jobs = queue.add_bulk([BulkJob("swallow", 30) for _ in range(10)])
    start_worker(handlers.Batched(), pool=pool, time_limit=0.5)
    for job in jobs:
        with pytest.raises(JobFailed, match=r"hard time limit of 0\.5 s"):
            finish(job)


def test_items_may_answer_with_outcomes(queue, finish, start_worker):
    later = iter([Postponed(10)])

    def work(batch):
        return [next(later, "later") if each.data == "later" else "now" for each in batch.items]

    jobs = queue.add_bulk([BulkJob("x", "now"), BulkJob("x", "later")])
    start_worker(Gathered(work))
    assert [finish(job) for job in jobs] == ["now", "later"]
    assert queue.get_job(jobs[1].id).attempts_started == 2


def test_failed_items_are_tried_again_as_their_own_options_say(queue, finish, start_worker):
    def work(batch):
        raise ValueError("no")

    twice, once = queue.add("x", attempts=2), queue.add("x")
    start_worker(Gathered(work))
    for job, attempts in ((twice, 2), (once, 1)):
        with pytest.raises(JobFailed, match="no"):
            finish(job)
        assert queue.get_job(job.id).attempts_made == attempts


def test_what_is_no_json_fails_without_the_others(queue, driver, stored, finish, start_worker):
    good, bad = queue.add("x", 1), queue.add("x", 2)
    driver.execute(("HSET", f"{queue.keys.base}{bad.id}", "data", "{broken"))
    start_worker(Gathered(lambda batch: [each.data for each in batch.items]))
    assert finish(good) == 1
    with pytest.raises(JobFailed, match="not JSON"):
        finish(bad)


def test_only_jobs_with_the_same_key_come_together_and_others_run_alone(
    queue, finish, start_worker
):
    def work(given):
        return [len(given.items)] * len(given.items) if hasattr(given, "items") else "alone"

    names = ["a", "b", "single", "a", "b", "a"]
    jobs = queue.add_bulk([BulkJob(name) for name in names])
    kept = {"a": "a", "b": "b", "single": None}
    start_worker(Gathered(work, key=lambda delivery: kept[delivery.job.name]), concurrency=3)
    assert [finish(job) for job in jobs] == [3, 2, "alone", 3, 2, 3]


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_batch_waits_no_longer_when_another_job_needs_its_slot(queue, finish, start_worker, pool):
    def work(given):
        return [1] * len(given.items) if hasattr(given, "items") else "alone"

    kept = {"a": "a", "single": None}
    handler = Gathered(work, max_wait=3000, key=lambda delivery: kept[delivery.job.name])
    start_worker(handler, pool=pool)
    gathers = queue.add("a")
    in_state(queue, "active", 1)
    assert finish(queue.add("single")) == "alone"
    assert finish(gathers) == 1


@pytest.mark.parametrize("end", ["stop", "pause"])
def test_what_is_gathered_is_handed_back_at_the_end_and_at_a_pause(queue, start_worker, end):
    called = threading.Event()
    worker = start_worker(Gathered(lambda batch: called.set(), max_wait=3000))
    jobs = queue.add_bulk([BulkJob("x") for _ in range(3)])
    in_state(queue, "active", 3)
    getattr(worker, end)()
    in_state(queue, "waiting", 3)
    assert [queue.get_job(job.id).attempts_started for job in jobs] == [0, 0, 0]
    assert [job.id for job in queue.get_jobs("waiting", ascending=True)] == [job.id for job in jobs]
    assert not called.is_set()


def test_a_rate_limit_that_one_item_met_hands_that_item_back(queue, finish, start_worker):
    limits = iter([RateLimited(50)])

    def work(batch):
        return [next(limits, 1) if each.data == 1 else each.data for each in batch.items]

    jobs = queue.add_bulk([BulkJob("x", n) for n in range(3)])
    start_worker(Gathered(work))
    assert [finish(job) for job in jobs] == [0, 1, 2]
    assert queue.get_job(jobs[1].id).attempts_started == 2


def test_one_item_of_a_batch_cannot_be_cancelled(queue, start_worker):
    gate = threading.Event()
    worker = start_worker(Gathered(lambda batch: gate.wait(20) and None, size=2))
    jobs = queue.add_bulk([BulkJob("x") for _ in range(2)])
    in_state(queue, "active", 2)
    assert not worker.cancel(jobs[0].id)
    gate.set()
    in_state(queue, "completed", 2)


def test_the_lock_of_each_item_is_renewed_while_its_batch_gathers(queue, finish, start_worker):
    lost = []

    def work(batch):
        lost.extend(each.lock_lost for each in batch.items)

    start_worker(Gathered(work, max_wait=1.5), lock_duration=400, stalled_interval=200)
    finish(queue.add("x"))
    assert lost == [False]


@pytest.mark.parametrize("wrong", [0, -1, True, "10", 2.5])
def test_a_size_that_is_none_is_refused(wrong):
    with pytest.raises(InvalidOption, match="size of a batch"):
        Batching(wrong)


@pytest.mark.parametrize("wrong", [-1, "1", True, float("nan")])
def test_a_wait_that_is_none_is_refused(wrong):
    with pytest.raises(InvalidOption, match="max_wait"):
        Batching(10, wrong)
