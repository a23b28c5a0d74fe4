"""Tasks as a Celery user writes them, and what they give."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import functools
import inspect
import pickle
import threading
import typing
import uuid

import pytest

from bullrush import Celery, current_task, shared_task
from bullrush.exceptions import NotRegistered, TimeoutError
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


def test_a_coroutine_task_is_awaited(app, start):
    @app.task
    async def wait(x):
        await asyncio.sleep(0)  # lets go of the loop once
        return x

    start()
    assert wait.delay(1).get(timeout=10) == 1


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


def test_a_task_is_asked_what_a_function_is_asked(app):
    @app.task
    def add(x: int, y: int = 0) -> int:
        return x + y

    @app.task(bind=True)
    def bound(self, x: str):
        return x

    assert (add.__name__, add.__qualname__) == ("add", add.__wrapped__.__qualname__)
    assert typing.get_type_hints(add) == {"x": int, "y": int, "return": int}
    assert list(inspect.signature(bound).parameters) == ["x"]

    @functools.wraps(add)
    def shown(*args):
        return add(*args)

    assert (shown.__name__, shown(1, 2)) == ("add", 3)
    add.__header__(1, y=2)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        bound.__header__()


def test_a_decorator_may_stand_above_that_of_the_task(app):
    def logged(function):
        @functools.wraps(function)
        def call(*args):
            return ["logged", function(*args)]

        return call

    @app.task(name="outer")
    @logged
    @app.task(name="inner")
    def work(x):
        return x

    assert (work(1), work.__name__) == (["logged", 1], "work")


def test_an_attribute_can_be_taken_off_a_task(app):
    @app.task
    def work():
        pass

    work.note = 1
    del work.note
    assert not hasattr(work, "note")


def test_a_task_knows_the_backend_of_its_application(app):
    @app.task(backend=None)
    def plain():
        pass

    @app.task
    def work():
        pass

    assert (work.backend, plain.name) == (app.backend, f"{__name__}.plain")


def test_what_is_sent_again_by_hand_in_celery_is_refused_with_the_way_here(app):
    @app.task
    def work():
        pass

    with pytest.raises(NotImplementedError, match=r"self\.retry"):
        work.signature_from_request(countdown=3)
