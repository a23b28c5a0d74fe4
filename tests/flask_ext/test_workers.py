"""Workers inside a Flask process run tasks in the application's context, with all that a task says
of itself.
"""

from __future__ import annotations

import time

import pytest
from flask import current_app

from bullrush.core import QueueEvents
from bullrush.core.worker import Batching
from bullrush.core.worker.execution import Execution
from bullrush.exceptions import SoftTimeLimitExceeded
from bullrush.flask_ext.context import HandlerInContext


def test_a_task_of_the_application_keeps_its_time_limit(binding):
    celery = binding.celery

    @celery.task(soft_time_limit=0.2)
    def endless():
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            time.sleep(0.01)  # What the task is for.
        return current_app.name

    with binding.worker("celery", pool="threads", concurrency=1):
        result = endless.delay()
        with pytest.raises(SoftTimeLimitExceeded):
            result.get(timeout=15)


def test_what_a_handler_says_of_itself_is_kept(app):
    class Handler:
        batching = Batching(5)

        def __call__(self, delivery):
            return current_app.name

        def hold(self, delivery):
            return 3.0

        def failure(self, delivery, error):
            return current_app.name

    handler = HandlerInContext(app, Handler())
    execution = Execution(handler)
    assert execution.batching(None).size == 5
    assert execution.hold(None) == 3.0
    assert handler.failure(None, ValueError()) == "shop"
    assert not execution.is_coroutine(None)


def test_coroutine_functions_are_known_before_they_are_called(app):
    async def handle(delivery):
        return 1

    assert Execution(HandlerInContext(app, handle)).is_coroutine(None)


def test_a_batch_task_runs_in_the_application(binding):
    celery = binding.celery

    @celery.task(batch=3, max_wait=0.2)
    def names(items):
        return [current_app.name for _ in items]

    with QueueEvents("celery", driver=binding.driver, prefix=binding.settings.prefix):
        results = [names.delay() for _ in range(3)]
        with binding.worker("celery", pool="threads", concurrency=1):
            assert [each.get(timeout=15) for each in results] == ["shop"] * 3


@pytest.mark.row(4)
def test_a_task_uses_the_very_objects_of_the_application(app, binding):
    app.extensions["engine"] = engine = object()
    seen = []

    @binding.celery.task
    def look():
        seen.append(current_app.extensions["engine"])

    with binding.worker("celery", pool="threads", concurrency=1):
        look.delay().get(timeout=15)
    assert seen == [engine]
    assert seen[0] is engine
