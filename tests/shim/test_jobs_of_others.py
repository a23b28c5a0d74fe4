"""Jobs that Node reads and adds, and jobs that are no task's."""

from __future__ import annotations

import pytest

from bullrush.core.errors import JobFailed
from bullrush.exceptions import NotRegistered


def test_the_stored_form_is_what_node_reads(app):
    @app.task(name="add")
    def add(x, y):
        return x + y

    job = app.queue(app.conf.task_default_queue).get_job(add.delay(2, y=3).id)
    assert (job.name, job.data) == ("add", {"args": [2], "kwargs": {"y": 3}})


def test_a_job_of_a_node_producer_runs_as_a_task(app, start):
    @app.task(name="hello")
    def hello(name, greeting="Hello"):
        return f"{greeting} {name}"

    start()
    queue = app.queue(app.conf.task_default_queue)
    for data in ({"args": ["Ann"]}, {"name": "Ann"}, {"args": {}, "kwargs": {"name": "Ann"}}):
        assert app.AsyncResult(queue.add("hello", data).id).get(timeout=10) == "Hello Ann"


def test_an_unknown_task_fails_alone(app, start):
    @app.task
    def known():
        return "fine"

    start()
    with pytest.raises(NotRegistered, match=r"no\.such\.task"):
        app.send_task("no.such.task").get(timeout=10)
    assert known.delay().get(timeout=10) == "fine"


@pytest.mark.parametrize("data", [[1, 2], "text", 7, {"args": "abc"}, {"args": [], "kwargs": [1]}])
def test_data_of_another_shape_fails_alone(app, start, data):
    @app.task(name="known")
    def known():
        return "fine"

    start()
    queue = app.queue(app.conf.task_default_queue)
    bad = queue.add("known", data)
    assert known.delay().get(timeout=10) == "fine"
    app.AsyncResult(bad.id).get(timeout=10, propagate=False)
    assert "of a task is" in queue.get_job(bad.id).failed_reason


def test_a_failure_of_node_is_told_without_a_record(app):
    @app.task(name="x")
    def task():
        pass

    queue = app.queue(app.conf.task_default_queue)
    job = queue.add("x")
    queue.fail_waiting(job.id, "reason of Node")
    with pytest.raises(JobFailed, match="reason of Node"):
        app.AsyncResult(job.id).get(timeout=5)
