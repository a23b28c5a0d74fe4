"""The result of one task, as Celery's users know it."""

from __future__ import annotations

import asyncio
import copy
import datetime
import pickle
import re
import threading
import uuid
from decimal import Decimal

import pytest

from bullrush import Celery
from bullrush.core.errors import JobFailed
from bullrush.exceptions import (
    EncodeError,
    Ignore,
    IncompleteStream,
    TaskRevokedError,
    TimeoutError,
    WorkerLostError,
)
from bullrush.result import (
    AsyncResult,
    EagerResult,
    GroupResult,
    allow_join_result,
    denied_join_result,
    result_from_tuple,
)
from tests.support.waiting import wait_until


@pytest.fixture
def unknown() -> str:
    """An id that nobody has used."""
    return f"nobody-{uuid.uuid4()}"


def test_a_bare_result_belongs_to_the_current_application(app):
    app.set_current()
    assert AsyncResult("x").app is app
    with pytest.raises(ValueError, match="AsyncResult requires valid id, not <class 'NoneType'>"):
        AsyncResult(None)


def test_the_classes_of_an_application_know_it(app):
    assert app.AsyncResult("x").app is app
    assert app.GroupResult("g", []).app is app
    assert app.ResultSet([]).app is app
    assert isinstance(app.AsyncResult("x"), AsyncResult)
    assert isinstance(app.GroupResult("g", []), GroupResult)


@pytest.mark.row(97)
def test_the_job_of_a_result_is_the_task_as_it_stands_in_redis(app, echo, start, unknown):
    result = echo.delay(5)
    job = result.job
    assert (job.id, job.name, job.data["args"]) == (result.id, "echo", [5])
    assert job.finished_on is None
    start()
    assert result.get(timeout=20) == 5
    assert result.job.returnvalue == 5
    assert app.AsyncResult(unknown).job is None
    result.forget()
    assert result.job is None


def test_results_are_equal_by_their_id(app):
    result = app.AsyncResult("x")
    assert (result == "x", result == app.AsyncResult("x"), result == "y", result == 3) == (
        True,
        True,
        False,
        False,
    )
    assert (hash(result), str(result), repr(result)) == (hash("x"), "x", "<AsyncResult: x>")
    assert copy.copy(result) == result


def test_a_result_survives_pickling(app):
    app.set_current()
    result = pickle.loads(pickle.dumps(app.AsyncResult("x", parent=app.AsyncResult("p"))))
    assert (result, result.parent, result.app) == ("x", "p", app)


def test_an_id_that_nobody_knows_is_pending(app, unknown):
    result = app.AsyncResult(unknown)
    assert (result.state, result.ready(), result.result, result.traceback, result.date_done) == (
        "PENDING",
        False,
        None,
        None,
        None,
    )
    assert not result.exists()
    with pytest.raises(TimeoutError, match=r"^The operation timed out\.$"):
        result.get(timeout=0)


def test_timeout_0_asks_once(app, start, echo):
    start()
    result = echo.delay(1)
    wait_until(result.ready)
    assert app.AsyncResult(result.id).get(timeout=0) == 1
    assert echo.delay(2).id
    with pytest.raises(TimeoutError):
        echo.apply_async((1,), countdown=100).get(timeout=0)


def test_a_result_tells_all_of_its_task(app, start):
    @app.task(bind=True, name="tell")
    def tell(self, x, y=0):
        if not self.request.retries:
            raise self.retry(countdown=0)

    start()
    result = tell.delay(1, y=2)
    assert result.get(timeout=10) is None
    assert (result.name, result.args, result.kwargs) == ("tell", [1], {"y": 2})
    assert (result.retries, result.queue) == (1, app.conf.task_default_queue)
    assert result.worker
    assert isinstance(result.date_done, datetime.datetime)
    assert result.date_done.tzinfo is datetime.timezone.utc
    # What packages that show progress ask for.
    told = app.AsyncResult(result.id)._get_task_meta()
    assert (told["status"], told["result"], told["task_id"]) == ("SUCCESS", None, result.id)


def test_callbacks_get_the_id_and_the_value(app, start, echo, fail):
    start()
    got = []
    good, bad = echo.delay(5), fail.delay("no")
    assert good.get(timeout=10, callback=lambda *args: got.append(args)) == 5
    with pytest.raises(ValueError, match="no"):
        bad.get(timeout=10, callback=lambda *args: got.append(args))
    error = bad.get(propagate=False, callback=lambda *args: got.append(args))
    assert got == [(good.id, 5), (bad.id, error)]
    assert isinstance(error, ValueError)


def test_who_waits_is_told_of_the_message_and_of_the_time(app, start, echo):
    messages, ticks = [], []
    result = echo.apply_async((3,), countdown=0.3)
    start()
    options = {"on_message": messages.append, "on_interval": lambda: ticks.append(1)}
    assert result.get(timeout=10, interval=0.01, **options) == 3
    assert [(each["status"], each["result"], each["task_id"]) for each in messages] == [
        ("SUCCESS", 3, result.id)
    ]
    assert ticks


def test_a_parent_that_failed_is_raised_first(app, start, echo, fail):
    start()
    parent = fail.delay("parent")
    wait_until(parent.ready)
    child = app.AsyncResult(echo.apply_async((1,), countdown=100).id, parent=parent)
    with pytest.raises(ValueError, match="parent"):
        child.get(timeout=10)
    for options in ({"follow_parents": False}, {"propagate": False}):
        with pytest.raises(TimeoutError):
            child.get(timeout=0, **options)


def test_a_parent_that_fails_ends_the_wait(app, start, echo, fail):
    parent = fail.apply_async(("later",), countdown=0.2)
    group = GroupResult("g", [app.AsyncResult(parent.id)], app=app)
    waiting = app.AsyncResult(echo.apply_async((1,), countdown=100).id, parent=group)
    start()
    with pytest.raises(ValueError, match="later"):
        waiting.get(timeout=10)


def test_get_within_a_task_is_refused(app, start, echo):
    @app.task
    def wait(allowed):
        if allowed == "context":
            with allow_join_result():
                return echo.delay(1).get(timeout=10)
        return echo.delay(1).get(timeout=10, disable_sync_subtasks=allowed != "argument")

    start()
    with pytest.raises(RuntimeError, match=r"^Never call result\.get\(\) within a task!"):
        wait.delay("no").get(timeout=10)
    assert wait.delay("context").get(timeout=10) == 1
    assert wait.delay("argument").get(timeout=10) == 1
    with denied_join_result(), pytest.raises(RuntimeError):
        app.AsyncResult("x").get(timeout=0)


def test_get_within_an_eager_task_is_refused_too(app, echo):
    @app.task
    def wait():
        return echo.apply((1,)).get()

    with pytest.raises(RuntimeError, match="Never call"):
        wait.apply().get()
    assert wait.apply().failed()


def test_an_ignored_result_is_none_at_once(app, echo):
    result = echo.apply_async((1,), ignore_result=True)
    assert result.ignored
    assert result.get() is None


def test_a_state_of_ones_own_is_shown_and_is_not_the_end(app, start):
    go = threading.Event()

    @app.task(bind=True)
    def work(self):
        self.update_state(state="PROGRESS", meta={"done": 1})
        go.wait(10)

    start()
    result = work.delay()
    wait_until(lambda: result.state == "PROGRESS")
    assert (result.info, result.ready(), result.successful()) == ({"done": 1}, False, False)
    assert result.maybe_throw() == {"done": 1}
    go.set()
    assert result.get(timeout=10) is None
    assert (result.state, result.info) == ("SUCCESS", None)


def test_a_task_that_sets_its_state_and_is_ignored_keeps_it(app, start):
    @app.task(bind=True)
    def stop(self):
        self.update_state(state="FAILURE", meta=KeyError("gone"))
        raise Ignore

    start()
    result = stop.delay()
    with pytest.raises(KeyError, match="gone"):
        result.get(timeout=10)
    assert result.state == "FAILURE"


def test_a_task_that_is_ignored_stays_pending(app, start):
    ended = threading.Event()

    @app.task(bind=True)
    def stop(self):
        ended.set()
        raise Ignore

    start()
    result = stop.delay()
    assert ended.wait(10)
    job = app.queue(app.conf.task_default_queue)
    wait_until(lambda: job.get_state(result.id) == "completed")
    assert (result.state, result.ready()) == ("PENDING", False)


def test_an_id_that_is_used_again_has_the_new_value(app, start, echo):
    start()
    echo.delay(0).get(timeout=10)  # from here on there is a reader
    for value in range(5):
        assert echo.apply_async((value,), task_id="again").get(timeout=10) == value
    assert app.AsyncResult("again").get(timeout=10) == 4


def test_forget_takes_the_parents_along(app, start, echo):
    start()
    parent, child = echo.delay(1), echo.delay(2)
    child.parent = parent
    assert (parent.get(timeout=10), child.get(timeout=10)) == (1, 2)
    child.forget()
    assert [app.AsyncResult(each.id).state for each in (parent, child)] == ["PENDING"] * 2
    assert child.state == "PENDING"


def test_exists_says_whether_anything_is_stored(app, echo):
    result = echo.delay(1)
    assert result.exists()
    assert app.AsyncResult(result.id).exists()


def test_then_is_called_when_the_task_has_ended(app, start, echo, fail):
    got, done = [], threading.Event()

    def note(result):
        got.append((result.state, result.result))
        if len(got) == 2:
            done.set()

    late = echo.apply_async((7,), countdown=0.2)
    late.then(note)
    start()
    bad = fail.delay()
    wait_until(bad.ready)
    bad.then(note)
    assert done.wait(10)
    assert [state for state, _ in got] in (["FAILURE", "SUCCESS"], ["SUCCESS", "FAILURE"])
    assert ("SUCCESS", 7) in got


def test_coroutines_wait_without_holding_the_loop(app, start, echo, fail):
    start()

    async def main():
        late = echo.apply_async((1,), countdown=0.2)
        values = await asyncio.gather(*(echo.delay(n).aget(10) for n in range(3)), late.aget(10))
        with pytest.raises(ValueError, match="no"):
            await fail.delay("no").aget(10)
        with pytest.raises(TimeoutError):
            await echo.apply_async(countdown=100).aget(0.01)
        return values, await app.GroupResult("g", [echo.delay(4), echo.delay(5)]).aget(10)

    assert asyncio.run(main()) == ([0, 1, 2, 1], [4, 5])


def test_the_tasks_that_a_task_sent_are_its_children(app, start, echo):
    @app.task(bind=True)
    def parent(self):
        return [echo.delay(n).id for n in (10, 20)]

    start()
    result = parent.delay()
    ids = result.get(timeout=10)
    fresh = app.AsyncResult(result.id)
    assert [each.id for each in fresh.children] == ids
    for child in fresh.children:
        child.get(timeout=10)
    assert [(above, each.id) for above, each in fresh.iterdeps()] == [
        (None, result.id),
        (fresh, ids[0]),
        (fresh, ids[1]),
    ]
    assert [value for _, value in fresh.collect()] == [ids, 10, 20]
    assert fresh.get_leaf() == 20
    assert dict(fresh.graph.items()) == {fresh: ids, ids[0]: [], ids[1]: []}
    assert fresh.graph.topsort()[-1] == result.id
    assert repr(fresh.graph).startswith(f"DependencyGraph {result.id}(2)")


def test_a_task_that_returns_a_result_returns_its_data(app, start, echo):
    @app.task
    def send():
        return echo.delay(3)

    start()
    data = send.delay().get(timeout=10)
    assert result_from_tuple(data, app).get(timeout=10) == 3


def test_walking_below_a_task_that_has_not_ended_is_refused(app, unknown):
    result = app.AsyncResult(unknown)
    with pytest.raises(IncompleteStream):
        list(result.iterdeps())
    assert list(result.iterdeps(intermediate=True)) == [(None, result)]


def test_results_become_plain_data_and_back(app):
    result = app.AsyncResult("b", parent=app.AsyncResult("a"))
    assert result.as_tuple() == (("b", (("a", None), None)), None)
    assert result.as_list() == ["b", "a"]
    group = app.GroupResult("g", [result, app.GroupResult("h", [app.AsyncResult("c")])])
    data = (("g", None), [result.as_tuple(), (("h", None), [(("c", None), None)])])
    assert group.as_tuple() == data
    back = result_from_tuple(data, app)
    assert (back, back.results[0].parent) == (group, "a")
    for data in (("b", None), ["b", None], [["b", None], None], (("b", ("p", None)), None)):
        assert result_from_tuple(data, app) == "b"
    assert result_from_tuple(result) is result
    for wrong, error in (("b", ValueError), (None, TypeError)):
        with pytest.raises(error):
            result_from_tuple(wrong, app)


def test_a_revoked_task_raises_what_celery_raises(app, echo):
    result = echo.delay(1)
    app.control.revoke(result.id)
    with pytest.raises(TaskRevokedError, match="revoked"):
        result.get(timeout=10)
    assert (result.state, result.failed(), result.ready()) == ("REVOKED", False, True)


def test_a_failure_of_node_is_a_plain_one(app, start):
    queue = app.queue(app.conf.task_default_queue)
    job = queue.add("from-node", {})
    taken = queue.get_next_job("token")
    queue.move_to_failed(taken, RuntimeError("bad"), "token")
    result = app.AsyncResult(job.id)
    with pytest.raises(JobFailed, match="bad"):
        result.get(timeout=10)
    assert result.state == "FAILURE"


def test_the_result_of_an_eager_task_reads_as_any_other():
    good = EagerResult("e", 5, "SUCCESS", name="n")
    assert (good.get(), good.ready(), good.successful(), good.name, good.children) == (
        5,
        True,
        True,
        "n",
        None,
    )
    bad = EagerResult("e", ValueError(3), "FAILURE", traceback="tb")
    with pytest.raises(ValueError, match="3"):
        bad.get()
    assert isinstance(bad.get(propagate=False), ValueError)
    assert (bad.traceback, bad.as_tuple(), bad == "e") == ("tb", (("e", None), None), True)
    assert EagerResult("e", KeyError(3), "RETRY").get() is None
    good.forget()
    good.revoke()
    assert good.state == "REVOKED"
    with pytest.raises(TaskRevokedError, match="revoked"):
        good.get()
    assert copy.copy(bad).get(propagate=False).args == (3,)


def test_an_application_of_another_process_finds_tasks_by_their_bare_id(app, start, echo, broker):
    start()
    result = echo.delay({"a": 1})
    with Celery("other", broker=broker, set_as_current=False) as other:
        other.conf.task_default_queue = app.conf.task_default_queue
        assert other.AsyncResult(result.id).get(timeout=10) == {"a": 1}


def test_who_waits_for_an_ignored_run_is_told_of_no_end(app, start):
    @app.task(bind=True)
    def park(self):
        self.update_state(state="PARKED", meta={"n": 1})
        raise Ignore

    start()
    result = park.delay()
    with pytest.raises(TimeoutError):
        result.get(timeout=1)
    assert (result.state, result.info, result.ready()) == ("PARKED", {"n": 1}, False)
    assert result.date_done is None


def test_a_state_of_ones_own_holds_what_a_result_holds(app, start):
    told = {"at": datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc), "n": Decimal("1.5")}

    @app.task(bind=True)
    def work(self):
        self.update_state(state="PROGRESS", meta=told)
        return [app.AsyncResult(self.request.id).info == told]

    start()
    assert work.delay().get(timeout=10) == [True]


def test_a_state_of_ones_own_without_a_json_form_is_an_encode_error(app, start):
    @app.task(bind=True)
    def work(self):
        with pytest.raises(EncodeError, match=r"state\.meta is set"):
            self.update_state(state="PROGRESS", meta={1, 2})
        return app.AsyncResult(self.request.id).state

    start()
    assert work.delay().get(timeout=10) == "PENDING"


def test_a_failure_that_a_task_tells_of_has_the_traceback_that_it_gives(app, start):
    @app.task(bind=True)
    def work(self):
        self.update_state(state="TROUBLE", traceback="line 6")
        assert app.AsyncResult(self.request.id).traceback == "line 6"
        self.update_state(state="FAILURE", meta=KeyError("gone"), traceback="line 7")
        raise Ignore

    start()
    result = work.delay()
    with pytest.raises(KeyError):
        result.get(timeout=10)
    assert result.traceback == "line 7"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_an_exception_that_would_end_the_reader_is_a_lost_worker(app, start, error):
    @app.task
    def leave():
        raise error

    start()
    result = leave.delay()
    with pytest.raises(WorkerLostError, match=re.escape(f"exited prematurely: {error!r}")):
        result.get(timeout=10)
    assert (result.state, repr(error) in result.traceback) == ("FAILURE", True)
