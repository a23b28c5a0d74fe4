"""The methods of a task that tell of its runs."""

from __future__ import annotations

import pytest

from bullrush.exceptions import Ignore, MaxRetriesExceededError, Reject, Retry, TimeoutError
from tests.support.waiting import wait_until


@pytest.fixture
def calls():
    """What the handlers were called with, in order."""
    return []


@pytest.fixture
def task(app, calls):
    """A task whose handlers note their calls."""

    class Told(app.Task):
        def before_start(self, task_id, args, kwargs):
            calls.append(("before_start", task_id, args, kwargs))

        def on_success(self, retval, task_id, args, kwargs):
            calls.append(("on_success", retval, task_id, args, kwargs))
            raise RuntimeError("of a handler")

        def on_failure(self, exc, task_id, args, kwargs, einfo):
            assert einfo.exception is exc
            assert einfo.type is type(exc)
            assert "Traceback" in einfo.traceback
            calls.append(("on_failure", repr(exc), task_id, args, kwargs))

        def on_retry(self, exc, task_id, args, kwargs, einfo):
            assert einfo.type is Retry
            calls.append(("on_retry", repr(exc), task_id, args, kwargs))

        def after_return(self, status, retval, task_id, args, kwargs, einfo):
            calls.append(("after_return", status, repr(retval), task_id, args, kwargs, einfo))

    @app.task(base=Told, bind=True, max_retries=1, default_retry_delay=0)
    def act(self, how, **kwargs):
        calls.append("run")
        if how == "fail":
            raise ValueError("v")
        if how == "retry":
            raise self.retry(exc=KeyError("k"))
        if how == "retry alone":
            self.retry()
        if how == "ignore":
            raise Ignore
        if how == "reject":
            raise Reject("why")
        if how == "set":
            return {1}
        return how

    return act


def names_of(calls):
    return [each if isinstance(each, str) else each[0] for each in calls]


def test_after_success_each_is_called_with_its_arguments(task, calls, start):
    start()
    result = task.delay("ok", a=1)
    assert result.get(timeout=10) == "ok"
    assert calls == [
        ("before_start", result.id, ["ok"], {"a": 1}),
        "run",
        ("on_success", "ok", result.id, ["ok"], {"a": 1}),
        ("after_return", "SUCCESS", "'ok'", result.id, ["ok"], {"a": 1}, None),
    ]


def test_after_a_failure_each_is_called_with_its_arguments(task, calls, start):
    start()
    result = task.delay("fail")
    with pytest.raises(ValueError, match="v"):
        result.get(timeout=10)
    assert calls == [
        ("before_start", result.id, ["fail"], {}),
        "run",
        ("on_failure", "ValueError('v')", result.id, ["fail"], {}),
        ("after_return", "FAILURE", "ValueError('v')", result.id, ["fail"], {}, None),
    ]


def test_a_retry_is_told_with_its_cause_and_ends_nothing(task, calls, start):
    start()
    result = task.delay("retry")
    with pytest.raises(KeyError):
        result.get(timeout=10)
    once = ["before_start", "run"]
    assert names_of(calls) == [*once, "on_retry", *once, "on_failure", "after_return"]
    assert calls[2] == ("on_retry", "KeyError('k')", result.id, ["retry"], {})


def test_a_retry_without_a_cause_is_told_as_none(task, calls, start):
    start()
    with pytest.raises(MaxRetriesExceededError):
        task.delay("retry alone").get(timeout=10)
    assert calls[2][:2] == ("on_retry", "None")


@pytest.mark.parametrize("how", ["ignore", "reject"])
def test_ignore_and_reject_are_told_to_no_handler(task, calls, start, how):
    start()
    task.delay(how)
    task.delay("fail").get(timeout=10, propagate=False)
    wait_until(lambda: "after_return" in names_of(calls))
    kept = names_of(calls)
    assert (kept.count("run"), kept.count("on_failure"), kept.count("after_return")) == (2, 1, 1)


def test_a_reject_is_a_failure_that_says_why(task, start):
    start()
    result = task.delay("reject")
    with pytest.raises(Reject) as raised:
        result.get(timeout=10)
    assert raised.value.reason == "why"
    assert result.state == "FAILURE"


def test_a_result_without_a_form_is_a_failure(task, calls, start):
    start()
    result = task.delay("set")
    result.get(timeout=10, propagate=False)
    assert result.state == "FAILURE"
    assert names_of(calls)[-2:] == ["on_failure", "after_return"]


def test_an_exception_before_the_start_is_the_tasks(app, start):
    class Careful(app.Task):
        def before_start(self, task_id, args, kwargs):
            raise LookupError("not ready")

    @app.task(base=Careful)
    def never():
        raise AssertionError("it ran")

    start()
    with pytest.raises(LookupError, match="not ready"):
        never.delay().get(timeout=10)


def test_a_requeued_task_knows_that_it_was_delivered_before(app, start):
    @app.task(bind=True)
    def again(self):
        if not self.request.delivery_info["redelivered"]:
            raise Reject("later", requeue=True)
        return self.request.retries

    start()
    assert again.delay().get(timeout=10) == 0


def test_an_ignored_task_has_the_state_that_it_gave_itself(app, start):
    @app.task(bind=True)
    def own(self, state):
        if state:
            self.update_state(state=state, meta={"by": "hand"})
        raise Ignore

    start()
    result = own.delay("CUSTOM")
    wait_until(lambda: result.state == "CUSTOM")
    assert result.info == {"by": "hand"}
    bare = own.delay(None)
    own.delay(None)
    with pytest.raises(TimeoutError):
        bare.get(timeout=0.3)
    assert bare.state == "PENDING"
