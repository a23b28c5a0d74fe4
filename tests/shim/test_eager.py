"""Tasks that run where they are called."""

from __future__ import annotations

import kombu.exceptions
import pytest

from bullrush import Celery, chord
from bullrush.exceptions import Ignore, MaxRetriesExceededError, Reject, Retry


@pytest.fixture
def eager():
    """An application whose calls run at once."""
    with Celery("eager", broker="memory://eager", set_as_current=False) as app:
        app.conf.task_always_eager = True
        yield app


@pytest.fixture
def calls():
    """What ran, in order."""
    return []


@pytest.fixture
def task(eager, calls):
    """A task that does what it is told, and notes its handlers."""

    class Told(eager.Task):
        def before_start(self, task_id, args, kwargs):
            calls.append("before_start")

        def on_success(self, retval, task_id, args, kwargs):
            calls.append("on_success")
            if retval == "boom":
                raise RuntimeError("of a handler")

        def on_failure(self, exc, task_id, args, kwargs, einfo):
            assert einfo.exception is exc
            calls.append("on_failure")

        def on_retry(self, exc, task_id, args, kwargs, einfo):
            calls.append(f"on_retry {self.request.retries} {exc!r}")

        def after_return(self, status, retval, task_id, args, kwargs, einfo):
            assert einfo is None
            calls.append(f"after_return {status}")

    @eager.task(base=Told, bind=True, max_retries=2)
    def act(self, how, n=0):
        if how == "fail":
            raise ValueError("v")
        if how == "retry":
            raise self.retry(exc=KeyError("k"), countdown=100)
        if how == "retry alone":
            raise self.retry()
        if how == "count":
            if n < 2:
                raise self.retry(args=("count", n + 1))
            return n
        if how == "ignore":
            raise Ignore
        if how == "reject":
            raise Reject("why")
        if how == "request":
            return self.request
        return how

    return act


def test_a_call_gives_its_result_at_once(task, calls):
    result = task.delay("ok")
    assert (result.get(), result.state, result.ready()) == ("ok", "SUCCESS", True)
    assert calls == ["before_start", "on_success", "after_return SUCCESS"]


def test_a_failure_stays_in_its_result(task, calls):
    result = task.delay("fail")
    assert (result.state, repr(result.result)) == ("FAILURE", "ValueError('v')")
    assert "Traceback" in result.traceback
    with pytest.raises(ValueError, match="v"):
        result.get()
    assert calls == ["before_start", "on_failure", "after_return FAILURE"]


def test_retries_run_at_once_and_are_counted(task, calls):
    result = task.delay("retry")
    assert (result.state, repr(result.result)) == ("FAILURE", "KeyError('k')")
    told = ["before_start", "on_retry 0 KeyError('k')", "before_start", "on_retry 1 KeyError('k')"]
    assert calls == [*told, "before_start", "on_failure", "after_return FAILURE"]
    assert task.delay("count").get() == 2
    assert isinstance(task.delay("retry alone").result, MaxRetriesExceededError)


def test_ignore_and_reject_are_states_of_their_own(task, calls):
    ignored, rejected = task.delay("ignore"), task.delay("reject")
    assert (ignored.state, rejected.state) == ("IGNORED", "REJECTED")
    assert isinstance(ignored.result, Ignore)
    assert rejected.result.reason == "why"
    assert calls == ["before_start", "before_start"]


def test_what_on_success_raises_gets_out(task):
    with pytest.raises(RuntimeError, match="of a handler"):
        task.delay("boom")


def test_arguments_take_the_way_through_the_serializer(eager):
    @eager.task
    def echo(value):
        return value

    assert echo.delay({1: (2, 3)}).get() == {"1": [2, 3]}
    with pytest.raises(kombu.exceptions.EncodeError):
        echo.delay({1, 2})
    with pytest.raises(TypeError):
        echo.delay()
    assert echo.apply(({1, 2},)).get() == {1, 2}


def test_the_request_knows_that_it_is_eager(task):
    options = {"headers": {"a": 1}, "priority": 3, "queue": "other", "countdown": 9}
    result = task.apply_async(("request",), task_id="mine", **options)
    request = result.get()
    assert (request.id, request.is_eager, request.called_directly) == ("mine", True, False)
    assert (request.root_id, request.parent_id, request.args) == ("mine", None, ["request"])
    assert request.headers == {"a": 1}
    assert request.delivery_info == {
        "is_eager": True,
        "exchange": None,
        "routing_key": None,
        "priority": 3,
    }


def test_a_task_in_a_task_knows_its_parent(eager):
    @eager.task(bind=True)
    def inner(self):
        return [self.request.parent_id, self.request.root_id]

    @eager.task(bind=True)
    def outer(self):
        return inner.apply().result

    result = outer.delay()
    assert result.get() == [result.id, result.id]


def test_exceptions_get_out_when_they_shall(eager, task, calls):
    eager.conf.task_eager_propagates = True
    with pytest.raises(ValueError, match="v"):
        task.delay("fail")
    with pytest.raises(Retry):
        task.delay("retry")
    assert task.delay("ignore").state == "IGNORED"
    assert calls == ["before_start"] * 3
    assert task.apply(("fail",), throw=False).state == "FAILURE"
    eager.conf.task_eager_propagates = False
    with pytest.raises(ValueError, match="v"):
        task.apply(("fail",), throw=True)


def test_autoretry_ends_with_the_error_or_gets_out_as_retry(eager):
    seen = []

    @eager.task(bind=True, autoretry_for=(ValueError,), retry_kwargs={"max_retries": 1})
    def flaky(self):
        seen.append(self.request.retries)
        raise ValueError("x")

    assert flaky.delay().state == "FAILURE"
    assert seen == [0, 1]
    with pytest.raises(Retry):
        flaky.apply(throw=True)


def test_the_number_of_retries_so_far_may_be_given(task):
    assert task.apply(("request",), retries=2).result.retries == 2


def test_nothing_is_sent(eager, task):
    task.delay("ok")
    counts = eager.queue(eager.conf.task_default_queue).get_job_counts()
    assert set(counts.values()) == {0}


def test_a_custom_call_method_is_used(eager):
    class Doubling(eager.Task):
        def __call__(self, *args, **kwargs):
            return 2 * super().__call__(*args, **kwargs)

    @eager.task(base=Doubling)
    def one():
        return 1

    assert one.delay().get() == 2


@pytest.fixture
def stored(eager):
    """The state and the value that others find under an id."""
    eager.conf.task_store_eager_result = True

    def stored(result):
        found = eager.AsyncResult(result.id)
        return found.state, repr(found.result)

    return stored


def test_results_are_stored_when_the_settings_say_so(eager, stored):
    add = eager.task(lambda x, y: x + y, name="add")
    fail = eager.task(lambda: 1 / 0, name="fail")
    quiet = eager.task(lambda: 1, name="quiet", ignore_result=True)
    own = eager.task(lambda: 1, name="own", store_eager_result=False)
    assert stored(add.delay(1, 2)) == ("SUCCESS", "3")
    assert stored(add.apply((1, 2))) == ("SUCCESS", "3")
    assert stored(fail.delay()) == ("FAILURE", "ZeroDivisionError('division by zero')")
    assert stored(quiet.delay()) == stored(own.delay()) == ("PENDING", "None")


def test_a_result_that_is_read_by_its_id_though_nothing_is_stored_warns(eager):
    result = eager.task(lambda: 1, name="one").delay()
    with pytest.warns(RuntimeWarning, match="see task_store_eager_result"):
        assert eager.AsyncResult(result.id).state == "PENDING"
    assert result.state == "SUCCESS"


def test_extended_results_say_what_was_called(eager, stored):
    eager.conf.result_extended = True
    add = eager.task(lambda x, y: x + y, name="add")
    found = eager.AsyncResult(add.delay(1, y=2).id)
    assert (found.name, found.args, found.kwargs) == ("add", [1], {"y": 2})


def test_errbacks_are_called_as_a_worker_calls_them(eager, caplog):
    told = []
    fail = eager.task(lambda: 1 / 0, name="fail")
    eager.task(lambda request, exc, traceback: told.append((request.id, exc)), name="here")
    eager.task(lambda task_id: told.append(task_id), name="sent")
    eager.task(lambda: told.append("not called"), name="wrong")
    here, sent, wrong = map(eager.signature, ("here", "sent", "wrong"))
    result = fail.apply_async(link_error=[wrong, dict(here), sent])
    assert told == [(result.id, result.result), result.id]
    assert "the errback wrong() of" in caplog.text
    del told[:]
    again = fail.apply(link_error=here)
    assert told == [(again.id, again.result)]


def test_an_eager_result_knows_what_it_can_of_its_task(eager):
    result = eager.task(lambda: 1, name="one").delay()
    facts = (result.name, result.queue, result.args, result.worker, result.children, result.parent)
    assert facts == ("one", None, None, None, None, None)


@pytest.mark.parametrize(("error", "state"), [(Ignore(), "IGNORED"), (Reject("why"), "REJECTED")])
def test_a_chain_ends_with_the_step_that_is_ignored_or_rejected(eager, error, state):
    ran = []

    def stop(*args):
        raise error

    stops = eager.task(stop, name="stop")
    after = eager.task(lambda *args: ran.append(args), name="after")
    assert (stops.s() | after.s() | after.si()).delay().state == state
    assert ran == []


def test_a_task_that_is_replaced_gives_the_value_of_the_other(eager):
    add = eager.task(lambda x, y: x + y, name="add")

    @eager.task(bind=True)
    def replaced(self, x):
        return self.replace(add.s(x, 10))

    assert replaced.delay(5).get() == replaced.apply((5,)).get() == 15
    assert (replaced.s(5) | add.s(1)).delay().get() == 16


def test_a_task_cannot_be_added_to_a_chord_as_nobody_runs_it(eager):
    @eager.task(bind=True)
    def adds(self):
        self.add_to_chord(self.s())

    result = adds.delay()
    assert repr(result.result) == "ValueError('Current task is not member of any chord')"
    body = eager.task(len, name="body")
    with pytest.raises(ValueError, match="not member of any chord"):
        chord([adds.s(), adds.s()], body.s()).delay()


def test_options_of_a_retry_show_in_the_attempts_that_follow(eager):
    @eager.task(bind=True)
    def work(self):
        request = self.request
        if not request.retries:
            raise self.retry(headers={"team": "blue"}, priority=5, shadow="other")
        return [request.headers, request.delivery_info["priority"], request.shadow]

    assert work.apply().get() == [{"team": "blue"}, 5, "other"]


def test_what_no_queue_has_seen_has_no_queue(eager):
    @eager.task
    def work():
        return 1

    result = work.apply()
    known = (result.queue, result.args, result.kwargs, result.worker, result.retries)
    assert known == (None,) * 5
