"""What workers and senders tell by events, over both drivers."""

from __future__ import annotations

import os
import threading
import uuid
from functools import partial

import pytest

from bullrush.core.clock import now_ms
from bullrush.core.fleet import Fleet
from bullrush.core.private_keys import FleetKeys
from bullrush.exceptions import Ignore, Reject
from tests.support.waiting import wait_until

#: s that anything may take on a busy machine.
PATIENCE = 20.0
ALWAYS = {"hostname", "utcoffset", "pid", "clock", "timestamp", "type", "local_received"}


@pytest.fixture
def project(app):
    """The application, whose events nobody else hears."""
    app.conf.control_exchange = app.conf.event_exchange = f"fleet-{uuid.uuid4().hex}"

    @app.task(name="add")
    def add(a, b=1):
        return a + b

    @app.task(name="boom")
    def boom():
        raise ValueError("boom", 3)

    @app.task(name="again", bind=True, max_retries=1)
    def again(self):
        try:
            raise KeyError("k")
        except KeyError as error:
            raise self.retry(exc=error, countdown=0.01) from None

    @app.task(name="told", bind=True)
    def told(self):
        self.send_event("task-progress", done=50, total=100)

    @app.task(name="ignored")
    def ignored():
        raise Ignore

    @app.task(name="rejected")
    def rejected():
        raise Reject("no", requeue=False)

    @app.task(name="quiet", send_events=False)
    def quiet():
        return 1

    @app.task(name="hold")
    def hold():
        while not gate.wait(0.01):  # a thread is ended between two steps of Python
            pass

    gate = app.gate = threading.Event()
    yield app
    gate.set()


@pytest.fixture
def heard(project):
    """The events of the application from now on, as they come."""
    events, listening = [], threading.Event()

    class Receiver(project.events.Receiver):
        def on_consume_ready(self, *args, **options):
            listening.set()

    receiver = Receiver(handlers={"*": events.append})
    thread = threading.Thread(target=receiver.capture)
    thread.start()
    assert listening.wait(PATIENCE)
    yield events
    receiver.should_stop = True
    thread.join(PATIENCE)


@pytest.fixture
def start(project, start_hearing):
    """Starts workers; all are stopped at the end."""
    yield partial(start_hearing, project, concurrency=1, pool="threads")
    project.gate.set()


@pytest.fixture
def telling(project, start, heard):
    """A worker whose tasks are told of; gives what was heard."""
    project.conf.worker_send_task_events = True
    start()
    return heard


def of(events, task_id):
    """(what happened, the fields that only such events have) of one task."""
    return [
        (each["type"], {k: v for k, v in each.items() if k not in ALWAYS | {"uuid"}})
        for each in list(events)
        if each.get("uuid") == task_id
    ]


def kinds(events, task_id=None):
    """The types of those of one task, or of all."""
    return [each["type"] for each in list(events) if task_id in (None, each.get("uuid"))]


def told_of(events, result, last):
    """Wait for the last event of a task, and give them all."""
    wait_until(lambda: last in kinds(events, result.id), timeout=PATIENCE)
    return of(events, result.id)


def test_a_task_that_succeeds_is_received_started_and_succeeded(project, telling):
    result = project.tasks["add"].delay(1, b=2)

    received, started, succeeded = told_of(telling, result, "task-succeeded")

    assert received == (
        "task-received",
        {
            "name": "add",
            "args": "(1,)",
            "kwargs": "{'b': 2}",
            "root_id": result.id,
            "parent_id": None,
            "retries": 0,
            "eta": None,
            "expires": None,
        },
    )
    assert started == ("task-started", {})
    assert succeeded[1].pop("runtime") >= 0
    assert succeeded == ("task-succeeded", {"result": "3"})
    first = next(each for each in telling if each.get("uuid") == result.id)
    assert (first["pid"], first["utcoffset"]) == (os.getpid(), pytest.approx(0, abs=14))
    assert first["hostname"].startswith("celery@")
    assert first["clock"] == int(first["timestamp"] * 1000)
    assert abs(first["local_received"] - first["timestamp"]) < PATIENCE


def test_a_failure_tells_of_its_exception(project, telling):
    result = project.tasks["boom"].delay()

    *_, (kind, fields) = told_of(telling, result, "task-failed")

    assert kind == "task-failed"
    assert fields["exception"] == "ValueError('boom', 3)"
    assert fields["traceback"].startswith("Traceback")


def test_a_retry_is_told_of_with_its_cause_and_the_second_run_as_such(project, telling):
    result = project.tasks["again"].delay()

    events = told_of(telling, result, "task-failed")

    assert [kind for kind, _ in events] == [
        *("task-received", "task-started", "task-retried"),
        *("task-received", "task-started", "task-failed"),
    ]
    assert events[2][1]["exception"] == "KeyError('k')"
    assert events[3][1]["retries"] == 1


def test_what_is_ignored_has_no_end_and_what_is_rejected_fails(project, telling):
    ignored, rejected = project.tasks["ignored"].delay(), project.tasks["rejected"].delay()

    events = told_of(telling, rejected, "task-failed")

    assert kinds(telling, ignored.id) == ["task-received", "task-started"]
    assert events[-1][1]["exception"] == "reject requeue=False: no"


def test_an_expired_task_and_a_revoked_one_are_told_of_as_revoked(project, telling, start):
    expired = project.tasks["add"].apply_async((1,), expires=-1)
    told_of(telling, expired, "task-revoked")
    held = project.tasks["hold"].delay()
    told_of(telling, held, "task-started")
    project.control.revoke(held.id, terminate=True, signal="SIGINT")

    assert of(telling, expired.id)[-1][1] == {
        "terminated": False,
        "signum": None,
        "expired": True,
    }
    assert told_of(telling, held, "task-revoked")[-1][1] == {
        "terminated": True,
        "signum": 2,
        "expired": False,
    }


def test_a_task_that_was_revoked_while_it_waited_is_told_of(project, telling):
    waiting = project.tasks["add"].apply_async((1,), countdown=600)
    waiting.revoke()

    assert told_of(telling, waiting, "task-revoked") == [
        ("task-revoked", {"terminated": False, "signum": None, "expired": False})
    ]


def test_a_task_tells_what_it_likes(project, telling):
    result = project.tasks["told"].delay()

    events = told_of(telling, result, "task-succeeded")

    assert ("task-progress", {"done": 50, "total": 100}) in events


def test_a_task_whose_send_events_is_false_is_not_told_of(project, telling):
    quiet, after = project.tasks["quiet"].delay(), project.tasks["add"].delay(1)

    told_of(telling, after, "task-succeeded")

    assert kinds(telling, quiet.id) == []


def test_the_name_of_a_call_is_its_shadow(project, telling):
    result = project.tasks["add"].apply_async((1,), shadow="shady")

    assert told_of(telling, result, "task-received")[0][1]["name"] == "shady"


def test_a_task_that_nobody_knows_only_fails(project, telling):
    result = project.send_task("nope")

    ((kind, fields),) = told_of(telling, result, "task-failed")

    assert (kind, fields["exception"]) == ("task-failed", "NotRegistered('nope')")


def test_a_job_of_another_shape_is_told_of_as_well(project, telling, queue_name):
    job = project.queue(queue_name).add("add", {"a": 1, "b": 5})

    wait_until(lambda: "task-succeeded" in kinds(telling, job.id), timeout=PATIENCE)

    received, *_, (_, succeeded) = of(telling, job.id)
    assert (received[1]["kwargs"], succeeded["result"]) == ("{'a': 1, 'b': 5}", "6")


def test_a_worker_says_that_it_is_there_how_it_is_and_that_it_leaves(project, heard, start):
    worker = start(hostname="w1@here", heartbeat_interval=0.05)
    wait_until(lambda: "worker-heartbeat" in kinds(heard), timeout=PATIENCE)
    project.tasks["add"].delay(1).get(timeout=PATIENCE)
    wait_until(lambda: heard[-1].get("processed") == 1, timeout=PATIENCE)
    worker.stop()
    wait_until(lambda: "worker-offline" in kinds(heard), timeout=PATIENCE)

    assert set(kinds(heard)) == {"worker-online", "worker-heartbeat", "worker-offline"}
    online = heard[0]
    assert online["type"] == "worker-online"
    assert set(online) - ALWAYS == {
        *("freq", "active", "processed", "loadavg", "sw_ident", "sw_ver", "sw_sys")
    }
    assert (online["hostname"], online["freq"]) == ("w1@here", 0.05)


def test_without_a_heartbeat_a_worker_says_nothing_of_itself(project, heard, start):
    project.conf.worker_send_task_events = True
    worker = start(without_heartbeat=True)
    result = project.tasks["add"].delay(1)
    told_of(heard, result, "task-succeeded")
    worker.stop()

    assert {each.partition("-")[0] for each in kinds(heard)} == {"task"}


def test_events_are_enabled_and_disabled_while_a_worker_runs(project, heard, start):
    start()

    def ask(name):
        (answer,) = getattr(project.control, name)(reply=True, timeout=PATIENCE, limit=1)
        return next(iter(answer.values()))

    before = project.tasks["add"].delay(1)
    before.get(timeout=PATIENCE)
    # An end is told of when it is stored: surely so when the next task has ended.
    project.tasks["add"].delay(1).get(timeout=PATIENCE)
    assert ask("enable_events") == {"ok": "task events enabled"}
    assert ask("enable_events") == {"ok": "task events already enabled"}
    during = project.tasks["add"].delay(1)
    told_of(heard, during, "task-succeeded")
    assert ask("disable_events") == {"ok": "task events disabled"}
    assert ask("disable_events") == {"ok": "task events already disabled"}
    after = project.tasks["add"].delay(1)
    after.get(timeout=PATIENCE)
    heard_so_far = len(heard)
    assert ask("heartbeat") is None
    wait_until(lambda: "worker-heartbeat" in kinds(heard)[heard_so_far:], timeout=PATIENCE)

    assert kinds(heard, before.id) == kinds(heard, after.id) == []


def test_a_sender_tells_of_what_it_sends_when_the_settings_say_so(project, heard):
    project.conf.task_send_sent_event = True

    result = project.tasks["add"].apply_async((1,), {"b": 2}, countdown=300)
    ((kind, fields),) = told_of(heard, result, "task-sent")

    assert kind == "task-sent"
    assert fields.pop("eta") is not None
    assert fields == {
        "root_id": result.id,
        "parent_id": None,
        "name": "add",
        "args": "(1,)",
        "kwargs": "{'b': 2}",
        "retries": 0,
        "expires": None,
        "queue": project.conf.task_default_queue,
        "exchange": "",
        "routing_key": project.conf.task_default_queue,
    }


def test_every_member_of_a_group_is_told_of_when_it_is_sent(project, heard):
    project.conf.task_send_sent_event = True
    add = project.tasks["add"]

    result = (add.s(1) | add.s()).apply_async()
    wait_until(lambda: kinds(heard).count("task-sent") == 2, timeout=PATIENCE)

    assert {each["uuid"] for each in heard} == {result.id, result.parent.id}


def test_a_worker_writes_many_events_in_one_entry_of_a_bounded_stream(project, start, heard):
    project.conf.worker_send_task_events = True
    start(without_heartbeat=True)
    results = [project.tasks["add"].delay(each) for each in range(100)]
    for result in results:
        told_of(heard, result, "task-succeeded")

    key = FleetKeys(project.prefix, project.conf.event_exchange).events
    assert len(kinds(heard)) == 300
    assert project.driver.execute(("XLEN", key)) < 100
    assert 0 < project.driver.execute(("PTTL", key)) <= 60_000


def test_a_stream_of_events_keeps_the_latest_alone(project):
    fleet = Fleet(project.driver, FleetKeys(project.prefix, f"bounded-{now_ms()}"))

    fleet.publish([f'[{{"type":"task-x","n":{each}}}]' for each in range(3_000)], 60)

    assert project.driver.execute(("XLEN", fleet.keys.events)) < 1_500


def test_a_worker_without_events_listens_to_none_of_its_tasks(project, start):
    before = set(threading.enumerate())
    worker = start()

    assert not worker._listeners.wants("started")
    assert not worker._listeners.wants("finished")
    started = {each.name for each in set(threading.enumerate()) - before}
    assert started
    assert "bullrush-events" not in started
