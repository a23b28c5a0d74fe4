"""Tasks as a Celery user writes them."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import pickle
import threading
import uuid

import pytest

from bullrush import Celery, current_task, shared_task
from bullrush.core.errors import InvalidOption, JobFailed, UnserializableData
from bullrush.exceptions import (
    MaxRetriesExceededError,
    NotRegistered,
    Retry,
    TaskRevokedError,
    TimeoutError,
)
from tests.support.waiting import wait_until


class CustomError(Exception):
    """An exception of the user's."""


def test_delay_runs_the_function_in_a_worker(app, start):
    @app.task
    def add(x, y):
        return x + y

    start()
    result = add.delay(2, 3)
    assert result.get(timeout=10) == 5
    assert (result.state, result.ready(), result.successful(), result.failed()) == (
        "SUCCESS",
        True,
        True,
        False,
    )
    assert app.AsyncResult(result.id).get(timeout=10) == 5
    assert (result.name, result.queue) == (add.name, app.conf.task_default_queue)
    assert result.date_done is not None


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


def test_arguments_and_results_beyond_json_keep_their_type(app, start):
    @app.task
    def echo(value):
        return value

    start()
    for value in (
        datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.timezone.utc),
        decimal.Decimal("1.10"),
        uuid.uuid4(),
        b"bytes",
        {"list": [1, None, "ü"]},
    ):
        assert echo.delay(value).get(timeout=10) == value


def test_an_exception_arrives_as_it_was_raised(app, start):
    @app.task
    def fail():
        raise CustomError("a", 2)

    start()
    result = fail.delay()
    with pytest.raises(CustomError) as raised:
        result.get(timeout=10)
    assert raised.value.args == ("a", 2)
    assert (result.state, result.failed()) == ("FAILURE", True)
    assert "CustomError" in result.traceback
    assert isinstance(result.get(timeout=10, propagate=False), CustomError)
    assert isinstance(result.result, CustomError)


def test_a_bound_task_knows_its_request(app, start):
    @app.task(bind=True)
    def look(self, x):
        return [self.request.id, self.request.retries, current_task.name, self.request.args]

    start()
    result = look.apply_async((1,), task_id="my-own-id")
    assert result.id == "my-own-id"
    assert result.get(timeout=10) == ["my-own-id", 0, look.name, [1]]


@pytest.mark.parametrize("task_id", ["42", "a:b:c", "meta", "~x", "wait"])
def test_ids_that_bullmq_cannot_hold_work_all_the_same(app, start, task_id):
    @app.task(bind=True)
    def own_id(self):
        return self.request.id

    start()
    own_id.apply_async(task_id=task_id)
    assert app.AsyncResult(task_id).get(timeout=10) == task_id


def test_a_finished_id_used_again_runs_anew(app, start):
    @app.task
    def echo(value):
        return value

    start()
    for value in (1, 2):
        assert echo.apply_async((value,), task_id="again").get(timeout=10) == value


def test_retry_counts_as_celery_does(app, start):
    seen = []

    @app.task(bind=True, max_retries=3, default_retry_delay=0.01)
    def flaky(self):
        seen.append(self.request.retries)
        raise self.retry(exc=CustomError("still"))

    start()
    with pytest.raises(CustomError, match="still"):
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
        autoretry_for=(CustomError,),
        max_retries=2,
        default_retry_delay=0.01,
    )
    def flaky(self, kind):
        seen.append(kind)
        raise CustomError("x") if kind == "custom" else ValueError("x")

    start()
    with pytest.raises(CustomError):
        flaky.delay("custom").get(timeout=10)
    with pytest.raises(ValueError, match="x"):
        flaky.delay("other").get(timeout=10)
    assert seen == ["custom"] * 3 + ["other"]


def test_autoretry_is_written_in_bullmqs_terms_as_well(app):
    @app.task(autoretry_for=(CustomError,), max_retries=4, retry_backoff=2)
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
        raise CustomError("x")

    start()
    result = flaky.apply_async(attempts=3, backoff=10, remove_on_fail=5)
    with pytest.raises(CustomError):
        result.get(timeout=10)
    assert len(seen) == 3


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


def test_forget_takes_the_result_away(app, start):
    @app.task
    def one():
        return 1

    start()
    result = one.delay()
    result.get(timeout=10)
    result.forget()
    assert result.state == "PENDING"


def test_an_ignored_result_leaves_no_job(app, start):
    ran = threading.Event()

    @app.task(ignore_result=True)
    def quiet():
        ran.set()
        return 1

    start()
    result = quiet.delay()
    assert result.get(timeout=10) is None
    assert ran.wait(10)
    queue = app.queue(app.conf.task_default_queue)
    wait_until(lambda: queue.get_job(result.id) is None)


def test_get_ends_at_its_timeout(app):
    @app.task
    def never():
        pass

    with pytest.raises(TimeoutError, match=r"^The operation timed out\.$"):
        never.delay().get(timeout=0.05)


def test_update_state_shows_while_the_task_runs(app, start):
    told, release = threading.Event(), threading.Event()

    @app.task(bind=True)
    def slow(self):
        self.update_state(state="PROGRESS", meta={"done": 1})
        told.set()
        release.wait(10)

    start()
    result = slow.delay()
    assert told.wait(10)
    assert (result.state, result.info) == ("PROGRESS", {"done": 1})
    release.set()
    result.get(timeout=10)
    assert result.state == "SUCCESS"


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


def test_a_coroutine_task_is_awaited(app, start):
    @app.task
    async def wait(x):
        await asyncio.sleep(0)  # lets go of the loop once
        return x

    start()
    assert wait.delay(1).get(timeout=10) == 1


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


def test_a_task_is_still_a_function(app):
    @app.task
    def add(x, y):
        """Add."""
        return x + y

    assert add(1, 2) == 3
    assert add.__doc__ == "Add."
    assert app.tasks[add.name] == add


def test_eager_mode_runs_here(app):
    app.conf.task_always_eager = True

    @app.task(bind=True, max_retries=2)
    def flaky(self, x):
        if self.request.retries < 2:
            raise self.retry(countdown=100)
        return x

    @app.task
    def fail():
        raise CustomError("x")

    assert flaky.delay(3).get() == 3
    assert fail.delay().state == "FAILURE"
    with pytest.raises(CustomError):
        fail.delay().get()
    app.conf.task_eager_propagates = True
    with pytest.raises(CustomError):
        fail.delay()


def test_retry_outside_of_a_worker_raises_the_cause(app):
    @app.task(bind=True)
    def flaky(self):
        try:
            raise CustomError("x")
        except CustomError as error:
            self.retry(exc=error)

    with pytest.raises(CustomError):
        flaky()
    assert issubclass(Retry, Exception)


def test_a_shared_task_belongs_to_every_application():
    @shared_task(name="shared.double")
    def double(x):
        return 2 * x

    for name in ("one", "two"):
        app = Celery(name, broker="memory://shared", set_as_current=False)
        assert app.tasks["shared.double"](4) == 8
        app.close()


def test_hooks_of_a_task_are_called(app, start):
    calls = []

    class Base(app.Task):
        def on_success(self, retval, task_id, args, kwargs):
            calls.append(("success", retval))

        def on_failure(self, exc, task_id, args, kwargs, einfo):
            calls.append(("failure", str(exc)))
            raise RuntimeError("a broken hook")

        def after_return(self, status, retval, task_id, args, kwargs, einfo):
            calls.append(("after", status))

    @app.task(base=Base)
    def run(ok):
        if not ok:
            raise CustomError("x")
        return 1

    start()
    run.delay(True).get(timeout=10)
    run.delay(False).get(timeout=10, propagate=False)
    assert calls == [("success", 1), ("after", "SUCCESS"), ("failure", "x"), ("after", "FAILURE")]


def test_a_task_is_pickled_by_its_name(app):
    @app.task(name="pickled")
    def pickled():
        """Nothing."""

    app.set_current()
    assert pickle.loads(pickle.dumps(pickled)) is app.tasks["pickled"]
    assert pickle.loads(pickle.dumps(app.tasks["pickled"])) is app.tasks["pickled"]
    with pytest.raises(NotRegistered):
        pickle.loads(pickle.dumps(pickled).replace(b"pickled", b"unknown"))
