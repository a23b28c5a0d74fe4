"""The suite of a project that was written for Celery."""

import pytest
from celery import current_app
from celery.contrib.testing.app import TestApp
from celery.contrib.testing.worker import start_worker
from things import double


def test_a_task_defined_in_the_test(celery_app, celery_worker):
    @celery_app.task
    def mul(x, y):
        return x * y

    celery_worker.reload()  # as Celery's manual has it
    assert mul.delay(4, 4).get(timeout=10) == 16


def test_a_shared_task(celery_app, celery_worker):
    assert double.delay(4).get(timeout=10) == 8
    assert current_app.main == celery_app.main
    assert celery_app.conf.task_default_queue == "tested"


@pytest.mark.celery(task_always_eager=True, task_default_queue="marked")
def test_settings_of_a_marker(celery_app):
    assert celery_app.conf.task_default_queue == "marked"
    assert double.delay(2).get() == 4


def test_a_session(celery_session_app, celery_session_worker):
    @celery_session_app.task
    def less(x):
        return x - 1

    assert less.delay(2).get(timeout=10) == 1


def test_by_hand():
    app = TestApp(set_as_current=True)

    @app.task
    def add(x, y):
        return x + y

    with start_worker(app, pool="threads", concurrency=2) as worker:
        assert add.delay(1, 2).get(timeout=10) == 3
        assert worker.hostname
