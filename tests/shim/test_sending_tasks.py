"""When, where and in which order tasks run that are sent, and which never do."""

from __future__ import annotations

import datetime

import pytest

from bullrush.core.errors import InvalidOption, UnserializableData
from bullrush.exceptions import TaskRevokedError


def test_countdown_and_eta_wait_in_redis(app):
    @app.task
    def later():
        pass

    queue = app.queue(app.conf.task_default_queue)
    eta = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=60)
    for options in ({"countdown": 60}, {"eta": eta}):
        result = later.apply_async(**options)
        assert queue.get_state(result.id) == "delayed"
        assert 55_000 < queue.get_job(result.id).delay <= 60_000


def test_an_expired_task_is_not_run(app, start):
    @app.task
    def never():
        raise AssertionError("it ran")

    result = never.apply_async(expires=datetime.datetime(2020, 1, 1))
    start()
    with pytest.raises(TaskRevokedError, match="expired"):
        result.get(timeout=10)
    assert result.state == "REVOKED"


def test_a_revoked_task_is_not_run(app, start):
    seen = []

    @app.task
    def record(value):
        seen.append(value)

    revoked = record.delay("revoked")
    revoked.revoke()
    start()
    record.delay("run").get(timeout=10)
    with pytest.raises(TaskRevokedError):
        revoked.get(timeout=10)
    assert (revoked.state, seen) == ("REVOKED", ["run"])


def test_routes_and_queues_are_obeyed(app, start, queue_name):
    app.conf.task_routes = {"mail.*": {"queue": f"{queue_name}-mail"}}

    @app.task(name="mail.send")
    def send():
        return "sent"

    @app.task(queue=f"{queue_name}-own")
    def own():
        return "own"

    start(f"{queue_name}-mail", f"{queue_name}-own")
    assert send.delay().get(timeout=10) == "sent"
    assert own.delay().get(timeout=10) == "own"
    assert app.AsyncResult(own.delay().id).get(timeout=10) == "own"


def test_send_task_needs_only_a_name(app, start):
    @app.task(name="by.name")
    def by_name(x):
        return x

    start()
    assert app.send_task("by.name", args=[7]).get(timeout=10) == 7


def test_priorities_run_by_their_number(app, start):
    order = []

    @app.task
    def record(name):
        order.append(name)

    results = [
        record.apply_async((name,), priority=p) for name, p in (("b", 9), ("a", 1), ("0", 0))
    ]
    start(concurrency=1)
    for result in results:
        result.get(timeout=10)
    assert order == ["0", "a", "b"]


def test_wrong_calls_are_refused_before_anything_is_written(app):
    @app.task
    def add(x, y):
        return x + y

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'y'"):
        add.delay(1)
    with pytest.raises(InvalidOption, match="did you mean 'countdown'"):
        add.apply_async((1, 2), contdown=1)
    with pytest.raises(InvalidOption, match="priority"):
        add.apply_async((1, 2), priority=-1)
    with pytest.raises(UnserializableData, match=r"args\[1\]"):
        add.delay(1, object())
    with pytest.raises(InvalidOption, match="countdown"):
        add.apply_async((1, 2), countdown="soon")
    counts = app.queue(app.conf.task_default_queue).get_job_counts()
    assert set(counts.values()) == {0}
