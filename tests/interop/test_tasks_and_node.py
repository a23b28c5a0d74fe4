"""Celery-style tasks and real Node BullMQ on one queue."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bullrush import Celery
from bullrush.beat import PersistentScheduler
from bullrush.schedules import crontab
from bullrush.worker import make_worker
from tests.support.waiting import wait_until


@pytest.fixture
def app(redis_url: str, queue_name: str) -> Iterator[Celery]:
    """An application with the task `add` and a queue of its own."""
    with Celery("proj", broker=redis_url, set_as_current=False) as app:
        app.conf.task_default_queue = queue_name

        @app.task(name="add")
        def add(x, y):
            return x + y

        yield app


def test_a_task_is_seen_alike_in_both_worlds(node, app, queue_name):
    result = app.tasks["add"].delay(2, 3)
    seen = node.request("getJob", queue=queue_name, jobId=result.id)
    assert (seen["name"], seen["data"]["args"]) == ("add", [2, 3])
    with make_worker(app, concurrency=1):
        assert result.get(timeout=20) == 5
    seen = node.request("getJob", queue=queue_name, jobId=result.id)
    assert seen["returnvalue"] == 5
    assert node.request("getState", queue=queue_name, jobId=result.id) == "completed"


def test_a_node_worker_runs_a_task_that_python_waits_for(node, app, queue_name):
    node.request("startWorker", queue=queue_name, handler="sum")
    assert app.tasks["add"].delay(2, 3).get(timeout=20) == 5


def test_a_python_task_runs_a_job_that_node_waits_for(node, app, queue_name):
    with make_worker(app, concurrency=1):
        for data in ({"args": [2, 3], "kwargs": {}}, {"x": 2, "y": 3}):
            added = node.request("add", queue=queue_name, name="add", data=data)
            value = node.request(
                "waitUntilFinished", queue=queue_name, jobId=added["id"], ttl=20_000
            )
            assert value == 5


def test_a_job_that_node_has_added_is_told_of_by_events(node, app, queue_name):
    app.conf.event_exchange = f"events-{queue_name}"
    app.conf.worker_send_task_events = True
    state, receiver = app.events.State(), app.events.Receiver()
    receiver.handlers = {"*": state.event}
    heard = receiver.itercapture(wakeup=False)
    next(heard)
    added = node.request("add", queue=queue_name, name="add", data={"x": 2, "y": 3})
    with make_worker(app, concurrency=1, hostname="python@here"):
        for _ in heard:
            task = state.tasks.get(added["id"])
            if task is not None and task.ready:
                break
    assert (task.name, task.kwargs, task.state, task.result) == (
        *("add", "{'x': 2, 'y': 3}", "SUCCESS", "5"),
    )
    assert task.worker.hostname == "python@here"


def test_node_shows_the_schedule_of_a_beat_and_goes_on_with_it(node, app, queue_name):
    app.conf.beat_schedule = {
        "often": {"task": "add", "schedule": 0.5, "args": (2, 3)},
        "nightly": {"task": "add", "schedule": crontab(minute="*/20", hour="1-3"), "args": (1, 1)},
    }
    PersistentScheduler(app)
    listed = node.request("call", queue=queue_name, method="getJobSchedulers", args=[])
    found = {each["key"]: each for each in listed}
    assert found["often"]["every"] in (500, "500")
    assert (found["nightly"]["pattern"], found["nightly"]["tz"]) == ("*/20 1,2,3 * * *", "UTC")
    node.request("startWorker", queue=queue_name, handler="sum")
    runs = wait_until(lambda: app.queue(queue_name).get_completed()[1:], what="two runs by Node")
    assert {job.returnvalue for job in runs} == {5}
