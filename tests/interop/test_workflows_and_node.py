"""Workflows with steps that a Node worker runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bullrush import Celery, chain, group
from bullrush.canvas import node as node_step
from bullrush.core import JobFailed
from bullrush.exceptions import ImproperlyConfigured
from bullrush.worker import make_worker

PATIENCE = 30


@pytest.fixture
def app(redis_url: str, queue_name: str) -> Iterator[Celery]:
    """An application with a queue of its own, and a worker for it."""
    with Celery("proj", broker=redis_url, set_as_current=False) as app:
        app.conf.task_default_queue = queue_name

        @app.task(name="add")
        def add(x, y):
            return x + y

        @app.task(name="values")
        def values(found):
            """What Node's worker gave: its data, and the values of its children."""
            return [found["own"], sorted(found["values"].values())]

        @app.task(name="same")
        def same(found):
            return found

        @app.task(name="boom")
        def boom():
            raise ValueError("boom")

        with make_worker(app, concurrency=2):
            yield app


@pytest.fixture
def far(node, queue_name) -> str:
    """A queue with a Node worker that gives back what it sees."""
    node.request("startWorker", queue=f"{queue_name}-node", handler="family")
    return f"{queue_name}-node"


def test_a_value_goes_to_node_and_back(app, far):
    add, values = app.tasks["add"], app.tasks["values"]
    found = chain(add.s(1, 2), node_step(far, "render", {"own": "bill"}, attempts=2), values.s())
    assert found.delay().get(timeout=PATIENCE) == ["bill", [3]]


def test_a_node_step_may_be_anywhere(app, far):
    add, values, same = (app.tasks[each] for each in ("add", "values", "same"))
    first = node_step(far, "render", {"own": "first"}) | values.s()
    assert first.delay().get(timeout=PATIENCE) == ["first", []]
    members = group(add.s(1, 1), add.s(2, 2)) | node_step(far, "render", {"own": 1}) | values.s()
    assert members.delay().get(timeout=PATIENCE) == [1, [2, 4]]
    several = add.s(1, 1) | group(
        node_step(far, "render", {"own": 1}) | values.s(),
        node_step(far, "render", {"own": 2}) | values.s(),
    )
    assert several.delay().get(timeout=PATIENCE) == [[1, [2]], [2, [2]]]
    spread = node_step(far, "render", {"own": 3}) | group(values.s(), same.s())
    assert spread.delay().get(timeout=PATIENCE)[0] == [3, []]


def test_the_failure_of_a_step_before_reaches_the_steps_after_node(app, far):
    boom, values = app.tasks["boom"], app.tasks["values"]
    result = chain(boom.s(), node_step(far, "render", {"own": 1}), values.s()).delay()
    with pytest.raises(ValueError, match="boom"):
        result.get(timeout=PATIENCE)
    error = result.get(timeout=PATIENCE, propagate=False, follow_parents=False)
    assert repr(error) == "ValueError('boom')"


def test_a_failure_in_node_fails_what_follows(app, node, queue_name):
    node.request("startWorker", queue=f"{queue_name}-bad", handler="family")
    result = chain(
        node_step(f"{queue_name}-bad", "render", {"fails": "no ink"}), app.tasks["same"].s()
    ).delay()
    with pytest.raises(JobFailed):
        result.get(timeout=PATIENCE)


def test_node_sees_a_workflow_as_a_flow(redis_url, node, queue_name):
    with Celery("proj", broker=redis_url, set_as_current=False) as app:
        app.conf.task_default_queue = queue_name

        @app.task
        def step(*args):
            return None

        result = chain(step.s(1), group(step.s(2), step.s(3)), step.s(4)).delay()
        chord = (group(step.s(2), step.s(3)) | step.s(4)).delay()
        flow = node.request("flowGet", queue=queue_name, jobId=chord.id)
        assert flow["job"]["id"] == chord.id
        assert {each["job"]["id"] for each in flow["children"]} == {
            each.id for each in chord.parent.results
        }
        first = result.parent.parent.id
        assert node.request("getState", queue=queue_name, jobId=first) == "waiting"


def test_a_node_worker_calls_no_python(app):
    step = node_step("far", "render")
    step.link(app.tasks["same"].s())
    with pytest.raises(ImproperlyConfigured, match="link"):
        chain(step, app.tasks["same"].s()).delay()


def test_a_node_step_cannot_run_here_and_now(app):
    with pytest.raises(ImproperlyConfigured, match="its code is in Node"):
        chain(node_step("far", "render"), app.tasks["same"].s()).apply()
