"""A worker that is killed while it plants what follows a task: nothing is lost, nothing doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from bullrush import Celery, chain, group
from bullrush.canvas import Signature
from bullrush.worker import make_worker
from tests.support import killed_app
from tests.support.waiting import wait_until

from .conftest import PATIENCE

#: More than are planted in one step.
MANY = 150


@pytest.fixture
def watcher(redis_url, queue_name):
    """An application that only sends."""
    with Celery("watcher", broker=redis_url, set_as_current=False) as app:
        app.conf.task_default_queue = queue_name
        yield app


@pytest.fixture
def environment(redis_url, queue_name, monkeypatch):
    """What the worker's process is told."""
    monkeypatch.setenv("BULLRUSH_TEST_BROKER", redis_url)
    monkeypatch.setenv("BULLRUSH_TEST_QUEUE", queue_name)
    return dict(os.environ)


def call(app, name, *args, **options):
    """A signature by name."""
    return Signature(f"tests.support.killed_app.{name}", args, app=app, options=options)


def many(app):
    return group(call(app, "member", position) for position in range(MANY))


@contextmanager
def worker(environment, slots="4", **more):
    """A worker in a process of its own. One that is killed has one slot: what else it ran would run
    again, as ever.
    """
    words = ["-A", "tests.support.killed_app", "worker", "-P", "threads", "-c", slots]
    process = subprocess.Popen(
        [sys.executable, "-m", "bullrush", *words],
        env={**environment, **more},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def counts(app):
    """What has happened how often."""
    flat = app.driver.execute(("HGETALL", f"{app.conf.task_default_queue}-counts"))
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return {name.decode(): int(number) for name, number in pairs}


def check_counts(app, ids, **expected):
    """Each member ran once, and the others as often as is said."""
    found = counts(app)
    assert {found.pop(each, 0) for each in ids} == {1}
    assert found == expected


@pytest.mark.parametrize("moment", ["before", "between", "after"])
def test_members_run_once_wherever_the_worker_was_killed(watcher, environment, moment):
    result = chain(call(watcher, "first", 1), many(watcher)).delay()
    with worker(environment, "1", KILLED_AT=moment) as killed:
        assert killed.wait(PATIENCE) == -signal.SIGKILL
    assert len(counts(watcher)) == 2  # no member has run: the whole worker was killed
    with worker(environment):
        assert result.get(timeout=PATIENCE) == [1 + position for position in range(MANY)]
    ids = [each.id for each in result.results]
    check_counts(watcher, ids, first=2, deaths=1)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_chord_behind_a_task_ends_once(watcher, environment, moment):
    result = chain(call(watcher, "first", 1), many(watcher), call(watcher, "total")).delay()
    with worker(environment, "1", KILLED_AT=moment) as killed:
        assert killed.wait(PATIENCE) == -signal.SIGKILL
    with worker(environment):
        assert result.get(timeout=PATIENCE) == sum(range(1, MANY + 1))
    ids = [each.id for each in result.parent.results]
    check_counts(watcher, ids, first=2, deaths=1, total=1)


def test_a_child_that_is_killed_is_replaced_and_the_members_run_once(
    watcher, environment, monkeypatch, redis_url, queue_name
):
    app = killed_app.app
    monkeypatch.setenv("KILLED_AT", "after")
    monkeypatch.setitem(app.conf, "broker_url", redis_url)
    monkeypatch.setitem(app.conf, "task_default_queue", queue_name)
    result = chain(call(watcher, "first", 1), many(watcher), call(watcher, "total")).delay()
    # A process that forks for all tests would not know of this environment.
    running = make_worker(app, pool="prefork", concurrency=2, start_method="spawn").start()
    try:
        assert result.get(timeout=PATIENCE) == sum(range(1, MANY + 1))
    finally:
        running.stop(timeout=10)
        app.close()
    ids = [each.id for each in result.parent.results]
    check_counts(watcher, ids, first=2, deaths=1, total=1)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_callback_is_sent_once(watcher, environment, moment):
    first = call(watcher, "first", 1)
    first.link(call(watcher, "member", 5))
    result = first.delay()
    with worker(environment, "1", KILLED_AT=moment) as killed:
        assert killed.wait(PATIENCE) == -signal.SIGKILL
    with worker(environment):
        assert result.get(timeout=PATIENCE) == 1
        (callback,) = result.children
        assert callback.get(timeout=PATIENCE) == 6
        drained = watcher.queue(watcher.conf.task_default_queue)
        wait_until(lambda: not drained.count() and not drained.get_active_count())
    check_counts(watcher, [callback.id], first=2, deaths=1)


@pytest.mark.parametrize(("moment", "runs"), [("before", 2), ("after", 2), ("changed", 1)])
def test_what_replaces_a_task_runs_once(watcher, environment, moment, runs):
    result = chain(call(watcher, "swapped", 1, MANY), call(watcher, "total")).delay()
    with worker(environment, "1", KILLED_AT=moment) as killed:
        assert killed.wait(PATIENCE) == -signal.SIGKILL
    with worker(environment):
        assert result.get(timeout=PATIENCE) == sum(range(1, MANY + 1))
    found = counts(watcher)
    done = {name: found.pop(name) for name in ("swapped", "deaths", "total")}
    assert done == {"swapped": runs, "deaths": 1, "total": 1}
    assert (len(found), set(found.values())) == (MANY, {1})
