"""At most so many tasks of one tenant at once, over all workers."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from bullrush.core import Queue
from bullrush.core.errors import InvalidOption
from bullrush.core.worker import Worker
from bullrush.core.worker.tenants import TenantLimit, tenant_in
from tests.support.waiting import wait_until


class Watch:
    """Counts what runs at once, by tenant."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.together = 0
        self.ended: list[str] = []

    def run(self, tenant: str, pause: threading.Event) -> None:
        with self._guard:
            self.now[tenant] += 1
            self.most[tenant] = max(self.most[tenant], self.now[tenant])
            self.together = max(self.together, sum(self.now.values()))
        pause.wait(0.03)
        with self._guard:
            self.now[tenant] -= 1
            self.ended.append(tenant)


@pytest.mark.row(182)
def test_never_two_of_one_tenant_run_at_once_in_any_worker(app, start, monkeypatch):
    monkeypatch.setenv("EXECUTION_TENANT_CONCURRENCY", "1")
    watch, never = Watch(), threading.Event()

    @app.task
    def work(tenantId):
        watch.run(tenantId, never)

    results = [work.delay(tenantId=tenant) for tenant in "aaaaabbbbbccccc"]
    start(concurrency=4, pool="threads")
    start(concurrency=4, pool="threads")
    for result in results:
        result.get(timeout=30)
    assert watch.most == {"a": 1, "b": 1, "c": 1}
    assert watch.together > 1, "tenants do not wait for each other"
    assert Counter(watch.ended) == {"a": 5, "b": 5, "c": 5}
    jobs = app.queue(app.conf.task_default_queue).get_completed()
    assert {job.attempts_made for job in jobs} == {1}
    assert {job.attempts_started for job in jobs} == {1}, "waiting is no start"


@pytest.mark.row(182)
def test_a_tenant_is_named_by_a_header_an_argument_or_the_data_of_another_language(app, start):
    app.conf.bullrush_tenant_concurrency = 2
    app.conf.bullrush_tenant_field = "org"
    watch, never = Watch(), threading.Event()

    @app.task(name="work")
    def work(org=None):
        watch.run("acme", never)

    results = [work.apply_async(headers={"org": "acme"}) for _ in range(4)]
    results += [work.delay(org="acme") for _ in range(4)]
    queue = app.queue(app.conf.task_default_queue)
    for _ in range(4):
        queue.add("work", {"org": "acme"})
    start(concurrency=8, pool="threads")
    wait_until(lambda: len(watch.ended) == 12, 30)
    assert watch.most == {"acme": 2}


def test_jobs_of_nobody_are_not_limited(app, start):
    app.conf.bullrush_tenant_concurrency = 1
    both = threading.Barrier(2)

    @app.task
    def meet():
        both.wait(20)
        return "met"

    start(concurrency=2, pool="threads")
    results = [meet.delay() for _ in range(2)]
    assert [each.get(timeout=30) for each in results] == ["met", "met"]


@pytest.mark.row(182)
def test_the_slot_of_a_worker_that_died_is_free_when_its_lock_is(redis_url, queue_name):
    """Nothing has to be given back: a job without a lock does not run."""
    handled: list[str] = []

    class Handler:
        hold = staticmethod(TenantLimit(1, tenant_in("t")).hold)

        def __call__(self, delivery):
            handled.append(delivery.job.id)

    with Queue(queue_name, url=redis_url) as queue:
        for _ in range(2):
            queue.add("x", {"t": "acme"})
        dead = queue.get_next_job("token-of-the-dead", block=False)
        key, _ = queue.keys.of_tenant("acme")
        queue.driver.execute(("SADD", key, queue.keys.job(dead.id)))
        with Worker(queue_name, Handler(), url=redis_url, pool="threads"):
            wait_until(lambda: queue.get_job_counts("delayed")["delayed"] == 1)
            assert not handled
            queue.driver.execute(("DEL", queue.keys.job_part(dead.id, "lock")))
            wait_until(lambda: len(handled) >= 1, 20)


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "2"])
def test_a_limit_that_is_none_is_refused(limit):
    with pytest.raises(InvalidOption, match="whole number from 1"):
        TenantLimit(limit, tenant_in("t"))
