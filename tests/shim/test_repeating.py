"""Tasks run again by `retry`, `autoretry_for` and BullMQ's own options; see test_retry as well."""

from __future__ import annotations

import pytest

from bullrush.exceptions import MaxRetriesExceededError, Retry


def test_retry_counts_as_celery_does(app, start):
    seen = []

    @app.task(bind=True, max_retries=3, default_retry_delay=0.01)
    def flaky(self):
        seen.append(self.request.retries)
        raise self.retry(exc=ConnectionError("still"))

    start()
    with pytest.raises(ConnectionError, match="still"):
        flaky.delay().get(timeout=10)
    assert seen == [0, 1, 2, 3]


def test_retry_without_a_cause_ends_in_its_own_error(app, start):
    @app.task(bind=True, max_retries=1)
    def flaky(self):
        self.retry(countdown=0.01)

    start()
    with pytest.raises(MaxRetriesExceededError, match="Can't retry"):
        flaky.delay().get(timeout=10)


def test_retry_may_change_the_arguments(app, start):
    @app.task(bind=True)
    def grow(self, n):
        if n < 3:
            raise self.retry(args=(n + 1,), countdown=0)
        return (n, self.request.retries)

    start()
    assert grow.delay(0).get(timeout=10) == [3, 3]


def test_autoretry_repeats_only_after_its_exceptions(app, start):
    seen = []

    @app.task(
        bind=True,
        autoretry_for=(ConnectionError,),
        max_retries=2,
        default_retry_delay=0.01,
    )
    def flaky(self, kind):
        seen.append(kind)
        raise ConnectionError("x") if kind == "custom" else ValueError("x")

    start()
    with pytest.raises(ConnectionError):
        flaky.delay("custom").get(timeout=10)
    with pytest.raises(ValueError, match="x"):
        flaky.delay("other").get(timeout=10)
    assert seen == ["custom"] * 3 + ["other"]


def test_autoretry_is_written_in_bullmqs_terms_as_well(app):
    @app.task(autoretry_for=(ConnectionError,), max_retries=4, retry_backoff=2)
    def flaky():
        pass

    job = app.queue(app.conf.task_default_queue).get_job(flaky.delay().id)
    assert job.opts["attempts"] == 5
    assert job.opts["backoff"] == {"type": "exponential", "delay": 2000}


def test_bullmqs_own_options_are_taken(app, start):
    seen = []

    @app.task
    def flaky():
        seen.append(1)
        raise ConnectionError("x")

    start()
    result = flaky.apply_async(attempts=3, backoff=10, remove_on_fail=5)
    with pytest.raises(ConnectionError):
        result.get(timeout=10)
    assert len(seen) == 3


def test_retry_outside_of_a_worker_raises_the_cause(app):
    @app.task(bind=True)
    def flaky(self):
        try:
            raise ConnectionError("x")
        except ConnectionError as error:
            self.retry(exc=error)

    with pytest.raises(ConnectionError):
        flaky()
    assert issubclass(Retry, Exception)
