"""Tasks in child processes and on event loops."""

from __future__ import annotations

import os

import pytest

from bullrush.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError
from bullrush.worker import make_worker
from tests.support import tasks_app


@pytest.fixture
def tasks(redis_url, queue_name, monkeypatch):
    """The application, on a queue of its own."""
    monkeypatch.setenv("BULLRUSH_TEST_BROKER", redis_url)
    app = tasks_app.app
    monkeypatch.setitem(app.conf, "broker_url", redis_url)
    monkeypatch.setitem(app.conf, "task_default_queue", queue_name)
    yield tasks_app
    app.close()


@pytest.fixture
def start(tasks):
    """Starts a worker of the application."""
    started = []

    def start(pool, **options):
        worker = make_worker(tasks.app, pool=pool, **{"concurrency": 2, **options})
        started.append(worker)
        return worker.start()

    yield start
    for worker in started:
        worker.stop(timeout=10)


def test_tasks_run_in_children_that_find_the_application_by_name(tasks, start):
    start("prefork")
    assert tasks.add.delay(2, 3).get(timeout=30) == 5
    assert tasks.process.delay().get(timeout=30) != os.getpid()


@pytest.mark.parametrize("pool", ["prefork", "threads", "asyncio", "solo"])
def test_coroutines_keep_their_request_and_their_retries_in_every_pool(tasks, start, pool):
    start(pool)
    result = tasks.whoami.delay(0.01)
    assert result.get(timeout=30) == [result.id, result.id, tasks.whoami.name]
    assert tasks.flaky.delay().get(timeout=30) == 2


@pytest.mark.parametrize("pool", ["prefork", "threads", "asyncio", "solo"])
@pytest.mark.parametrize("name", ["weigh", "weigh_later"])
def test_batches_run_in_every_pool(tasks, start, pool, name):
    results = [getattr(tasks, name).delay(n) for n in range(7)]
    start(pool, concurrency=1)
    answers = [result.get(timeout=30) for result in results]
    assert [number for number, _ in answers] == list(range(7))
    assert sorted(size for _, size in answers) == [2, 2, 5, 5, 5, 5, 5]


def test_many_coroutines_run_at_once_beside_one_slot(tasks, start):
    start("prefork", concurrency=1)
    slow = [tasks.whoami.delay(1) for _ in range(20)]
    assert tasks.add.delay(1, 1).get(timeout=30) == 2
    assert not all(result.ready() for result in slow)
    assert [result.get(timeout=30)[0] for result in slow] == [result.id for result in slow]


def test_the_limits_of_a_task_hold(tasks, start, caplog):
    start("prefork")
    assert tasks.soft.delay(30).get(timeout=30) == "cleaned up"
    failed = tasks.hard.delay(30)
    with pytest.raises(TimeLimitExceeded, match=r"0\.3 s") as raised:
        failed.get(timeout=30)
    assert f"Hard time limit (0.3s) exceeded for {tasks.hard.name}[{failed.id}]" in caplog.messages
    assert raised.value.args == (0.3,)


def test_a_call_may_have_limits_of_its_own(tasks, start):
    start("prefork")
    with pytest.raises(SoftTimeLimitExceeded):
        tasks.sleep.apply_async((30,), soft_time_limit=0.2).get(timeout=30)
    with pytest.raises(TimeLimitExceeded):
        tasks.sleep.apply_async((30,), time_limit=0.3).get(timeout=30)
    with pytest.raises(ValueError, match="above time_limit"):
        tasks.sleep.apply_async((1,), soft_time_limit=5, time_limit=2)
    with pytest.raises(ValueError, match="above 0"):
        tasks.sleep.apply_async((1,), time_limit=-1)


def test_a_task_that_kills_its_process_fails_by_its_setting(tasks, start):
    start("prefork", max_stalled_count=1)
    with pytest.raises(WorkerLostError, match=r"exit code 4 \(lost 2 times\)"):
        tasks.die.delay(4).get(timeout=30)
    with pytest.raises(WorkerLostError, match=r"exit code 5$"):
        tasks.die_once.delay(5).get(timeout=30)
    assert tasks.add.delay(2, 3).get(timeout=30) == 5


def test_children_are_started_as_the_settings_say(tasks, monkeypatch):
    monkeypatch.setitem(tasks.app.conf, "worker_pool_start_method", "spawn")
    assert make_worker(tasks.app, pool="prefork").settings.start_method == "spawn"
    assert (
        make_worker(tasks.app, pool="prefork", start_method="fork").settings.start_method == "fork"
    )
