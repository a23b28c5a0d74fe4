"""Signals: when they are sent, with what, and in which order with the handlers of a task."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from bullrush import Task, signals
from bullrush.exceptions import Ignore, InvalidTaskError, NotRegistered, Reject, Retry
from bullrush.worker import make_worker
from tests.support import tasks_app
from tests.support.waiting import wait_until


class Log:
    """What was told, in order."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, dict[str, Any]]] = []
        self._forget: list[Callable[[], Any]] = []
        self._changed = threading.Condition()

    def listen(self, *names: str) -> Log:
        """Connect to those signals."""
        for name in names:
            signal, receiver = getattr(signals, name), self._receiver(name)
            signal.connect(receiver, weak=False)
            self._forget.append(partial(signal.disconnect, receiver))
        return self

    def _receiver(self, told: str) -> Callable[..., None]:
        def receiver(**named: Any) -> None:
            self.add(told, **named)

        return receiver

    def add(self, told: str, /, **named: Any) -> None:
        """One more line."""
        with self._changed:
            self.entries.append((told, named))
            self._changed.notify_all()

    def names(self) -> list[str]:
        """Only the names."""
        return [name for name, _ in self.entries]

    def wait_for(self, name: str, times: int = 1) -> dict[str, Any]:
        """Until it was told so often; the last arguments."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.names().count(name) >= times, 20)
        return [named for each, named in self.entries if each == name][-1]

    def close(self) -> None:
        """Hear nothing more."""
        for forget in self._forget:
            forget()


@pytest.fixture
def log() -> Iterator[Log]:
    """Receivers that are taken away at the end."""
    log = Log()
    yield log
    log.close()


RUN = ("task_prerun", "task_postrun", "task_success", "task_failure", "task_retry")


def loud(log: Log) -> type[Task]:
    """A base class whose handlers say that they were called."""

    class Loud(Task):
        def before_start(self, *given):
            log.add("before_start")

        def on_success(self, *given):
            log.add("on_success")

        def on_failure(self, *given):
            log.add("on_failure")

        def on_retry(self, *given):
            log.add("on_retry")

        def after_return(self, *given):
            log.add("after_return")

    return Loud


def test_a_run_that_succeeds_tells_in_celerys_order(app, start, log):
    log.listen(*RUN)

    @app.task(base=loud(log))
    def add(x, y):
        log.add("run")
        return x + y

    start()
    result = add.delay(1, y=2)
    told = log.wait_for("task_postrun")
    assert log.names() == [
        "task_prerun",
        "before_start",
        "run",
        "on_success",
        "task_success",
        "after_return",
        "task_postrun",
    ]
    assert told["sender"] is told["task"] == add
    assert (told["task_id"], told["args"], told["kwargs"]) == (result.id, [1], {"y": 2})
    assert (told["retval"], told["state"]) == (3, "SUCCESS")
    success = log.wait_for("task_success")
    assert success["result"] == 3
    assert 0 <= success["runtime"] < 10


def test_a_run_that_fails_tells_in_celerys_order(app, start, log):
    log.listen(*RUN)

    @app.task(base=loud(log))
    def boom():
        raise LookupError("no")

    start()
    result = boom.delay()
    told = log.wait_for("task_postrun")
    assert log.names() == [
        "task_prerun",
        "before_start",
        "on_failure",
        "task_failure",
        "after_return",
        "task_postrun",
    ]
    assert (repr(told["retval"]), told["state"]) == ("LookupError('no')", "FAILURE")
    failure = log.wait_for("task_failure")
    assert failure["task_id"] == result.id
    assert repr(failure["exception"]) == "LookupError('no')"
    assert failure["traceback"].tb_frame
    assert "LookupError: no" in str(failure["einfo"])


def test_a_retry_tells_its_reason_and_its_state(app, start, log):
    log.listen(*RUN)

    @app.task(bind=True, base=loud(log))
    def again(self):
        if self.request.retries == 0:
            raise self.retry(exc=LookupError("not yet"), countdown=0)
        return "now"

    start()
    assert again.delay().get(timeout=20) == "now"
    log.wait_for("task_postrun", times=2)
    assert log.names()[:3] == ["task_prerun", "before_start", "on_retry"]
    told = log.wait_for("task_retry")
    assert isinstance(told["reason"], Retry)
    assert told["request"].retries == 0
    assert [named["state"] for name, named in log.entries if name == "task_postrun"] == [
        "RETRY",
        "SUCCESS",
    ]


def test_what_is_ignored_or_rejected_has_a_postrun_and_no_handlers(app, start, log):
    log.listen(*RUN)

    @app.task
    def ignored():
        raise Ignore

    @app.task
    def rejected():
        raise Reject("why", requeue=False)

    start(concurrency=1)
    ignored.delay()
    assert log.wait_for("task_postrun")["state"] == "IGNORED"
    rejected.delay()
    assert log.wait_for("task_postrun", times=2)["state"] == "REJECTED"
    (failure,) = [named for name, named in log.entries if name == "task_failure"]
    assert isinstance(failure["einfo"].exception, Reject)
    assert "Traceback" in str(failure["einfo"])


def test_eager_runs_tell_as_well(app, log):
    log.listen(*RUN, "before_task_publish")

    @app.task
    def add(x, y):
        return x + y

    assert add.apply((1, 2)).get() == 3
    assert log.names() == ["task_prerun", "task_success", "task_postrun"]


def test_a_receiver_that_raises_harms_no_task(app, start, log, caplog):
    def bad(**named):
        raise RuntimeError("in a receiver")

    names = ("before_task_publish", "after_task_publish", "task_received", *RUN)
    for name in names:
        getattr(signals, name).connect(bad)

    @app.task
    def add(x, y):
        return x + y

    start()
    try:
        assert add.delay(1, 2).get(timeout=20) == 3
    finally:
        for name in names:
            getattr(signals, name).disconnect(bad)
    assert "in a receiver" in caplog.text


def test_an_expired_task_is_told_as_revoked_and_does_not_run(app, start, log):
    log.listen("task_revoked", *RUN)

    @app.task
    def late():
        log.add("run")

    late.apply_async(expires=0.001, countdown=0.05)
    start()
    told = log.wait_for("task_revoked")
    assert told["sender"] == late
    assert (told["expired"], told["terminated"], told["signum"]) == (True, False, None)
    assert told["request"].task == late.name
    assert log.names() == ["task_revoked"]


def test_what_is_received_is_told_by_the_consumer(app, start, log):
    log.listen("task_received")

    @app.task
    def add(x, y):
        return x + y

    start(hostname="probe@%h")
    result = add.delay(1, y=2)
    told = log.wait_for("task_received")
    assert told["sender"].hostname.startswith("probe@")
    request = told["request"]
    assert (request.id, request.name, request.args, request.kwargs) == (
        result.id,
        add.name,
        [1],
        {"y": 2},
    )
    assert repr(request) == f"<Request: {add.name}[{result.id}] (1,) {{'y': 2}}>"


def test_an_unknown_task_is_told_by_its_name(app, start, log):
    log.listen("task_unknown")
    result = app.send_task("nobody.knows", (1,))
    start()
    told = log.wait_for("task_unknown")
    assert (told["name"], told["id"]) == ("nobody.knows", result.id)
    assert isinstance(told["exc"], NotRegistered)
    assert told["message"].args == (1,)


def test_a_call_is_told_before_and_after_it_is_written(app, queue_name, log):
    log.listen("before_task_publish", "after_task_publish", "task_sent")

    @app.task
    def add(x, y):
        return x + y

    result = add.apply_async((1,), {"y": 2}, headers={"tenant": "t"}, priority=4)
    assert log.names() == ["before_task_publish", "after_task_publish", "task_sent"]
    before, after, sent = (named for _, named in log.entries)
    assert before["sender"] == after["sender"] == sent["sender"] == add.name
    assert before["body"][:2] == ((1,), {"y": 2})
    assert sorted(before["body"][2]) == ["callbacks", "chain", "chord", "errbacks"]
    assert (before["exchange"], before["routing_key"]) == ("", queue_name)
    headers = before["headers"]
    assert (headers["id"], headers["task"], headers["lang"]) == (result.id, add.name, "py")
    assert (headers["root_id"], headers["tenant"]) == (result.id, "t")
    assert (headers["argsrepr"], headers["kwargsrepr"]) == ("(1,)", "{'y': 2}")
    assert before["properties"]["correlation_id"] == result.id
    assert before["properties"]["priority"] == 4
    assert after["headers"]["id"] == result.id
    assert (sent["task_id"], sent["args"], sent["kwargs"]) == (result.id, (1,), {"y": 2})


def test_receivers_may_change_the_call_before_it_is_written(app, start):
    def change(headers, body, properties, **named):
        headers["trace"] = "abc"
        headers["timelimit"] = [9, 8]
        body[1]["y"] = 5
        properties["priority"] = 3

    @app.task(bind=True)
    def show(self, y):
        return [self.request.headers, y, self.request.delivery_info["priority"]]

    signals.before_task_publish.connect(change, sender=show.name)
    try:
        result = show.delay(y=1)
    finally:
        signals.before_task_publish.disconnect(change, sender=show.name)
    start()
    assert result.get(timeout=20) == [{"trace": "abc"}, 5, 3]


def test_the_life_of_a_worker_is_told_in_order(app, log):
    names = (
        "celeryd_init",
        "worker_init",
        "celeryd_after_setup",
        "worker_ready",
        "worker_shutdown",
    )
    log.listen(*names, "heartbeat_sent", "worker_process_init")
    with make_worker(app, hostname="probe@%h", concurrency=3):
        log.wait_for("worker_ready")
        log.wait_for("heartbeat_sent")
    told = dict(log.entries)
    assert [name for name in log.names() if name in names] == list(names)
    host = told["worker_init"]["sender"].hostname
    assert host.startswith("probe@")
    assert told["celeryd_init"]["sender"] == told["celeryd_after_setup"]["sender"] == host
    assert told["celeryd_init"]["conf"] is app.conf
    assert told["celeryd_init"]["options"]["concurrency"] == 3
    assert told["celeryd_after_setup"]["instance"] is told["worker_shutdown"]["sender"]
    assert told["worker_ready"]["sender"].app is app
    assert "worker_process_init" not in told


def test_settings_may_be_changed_for_one_worker_when_it_begins(app):
    def configure(sender, conf, **named):
        conf.worker_concurrency = 7

    signals.celeryd_init.connect(configure, sender="one@here")
    try:
        other, one = make_worker(app, hostname="two@here"), make_worker(app, hostname="one@here")
    finally:
        signals.celeryd_init.disconnect(configure, sender="one@here")
    assert one.concurrency == 7
    assert other.concurrency != 7


def test_solo_is_the_process_itself(app, log):
    log.listen("worker_process_init")
    make_worker(app, pool="solo", hostname="probe@here")
    assert log.wait_for("worker_process_init")["sender"] == "probe@here"


def test_child_processes_tell_of_their_own_life(redis_url, queue_name, log, monkeypatch, tmp_path):
    app = tasks_app.app
    monkeypatch.setenv("BULLRUSH_TEST_BROKER", redis_url)
    monkeypatch.setenv("BULLRUSH_TEST_LEFT", str(tmp_path / "left"))
    monkeypatch.setitem(app.conf, "broker_url", redis_url)
    monkeypatch.setitem(app.conf, "task_default_queue", queue_name)
    log.listen("worker_before_create_process")
    options = {"pool": "prefork", "concurrency": 1, "hostname": "probe@here"}
    try:
        with make_worker(app, start_method="spawn", **options):
            assert tasks_app.lives.delay().get(timeout=30) == ["init by probe@here"]
        left = tmp_path / "left"
        wait_until(left.exists, what="the word of a child that leaves")
        assert left.read_text() == "True 0"
    finally:
        app.close()
    assert log.names() == ["worker_before_create_process"]


def test_a_job_that_is_no_call_is_told_as_rejected(app, start, log):
    log.listen("task_rejected")
    start()
    app.queue(app.conf.task_default_queue).add("any", {"args": 5, "kwargs": {}})
    told = log.wait_for("task_rejected")
    assert isinstance(told["exc"], InvalidTaskError)
    assert told["sender"].app is app
