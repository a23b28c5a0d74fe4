"""``self.retry`` and what retries by itself."""

from __future__ import annotations

import datetime

import pytest

from bullrush.app.retrying import backoff_of
from bullrush.core import FlowJob, FlowProducer
from bullrush.core.errors import InvalidOption
from bullrush.exceptions import MaxRetriesExceededError, Reject, Retry
from tests.support.waiting import wait_until


class Flaky(Exception):
    """An exception of the user's."""


@pytest.fixture
def seen():
    """What the runs saw."""
    return []


def test_all_that_is_not_said_stays(app, start, seen):
    @app.task(bind=True)
    def flaky(self, x, y=0):
        request = self.request
        names = ("id", "args", "kwargs", "headers", "expires", "timelimit", "root_id")
        seen.append([request.get(name) for name in names] + [request.delivery_info["priority"]])
        if not request.retries:
            raise self.retry(countdown=0)

    start()
    result = flaky.apply_async(
        (1,), {"y": 2}, headers={"team": "blue"}, expires=600, time_limit=50, priority=3
    )
    result.get(timeout=10)
    assert seen[0] == seen[1]
    assert seen[0][3] == {"team": "blue"}
    assert seen[0][7] == 3


def test_the_parent_of_a_retried_task_is_itself(app, start):
    @app.task(bind=True)
    def flaky(self):
        if not self.request.retries:
            raise self.retry(countdown=0)
        return self.request.parent_id

    start()
    result = flaky.delay()
    assert result.get(timeout=10) == result.id


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        (((1, 2, "kw"), {}), {"kwargs": {"n": 7}}, [[1, 7, "kw"], {}]),
        (((1, 2), {"how": "kw"}), {"kwargs": {"n": 7}}, [[1, 7], {}]),
        (((1,), {"n": 3}), {"kwargs": {"n": 7}}, [[1], {"n": 7}]),
        (((1,), {"n": 3, "how": "a"}), {"args": (5, 6)}, [[5, 6], {"how": "a"}]),
    ],
)
def test_new_arguments_take_the_place_of_old_ones(app, start, first, then, expected):
    @app.task(bind=True)
    def clash(self, a, n=0, how=""):
        if not self.request.retries:
            raise self.retry(countdown=0, **then)
        return [self.request.args, self.request.kwargs]

    start()
    assert clash.apply_async(*first).get(timeout=10) == expected


def test_options_of_a_call_may_change(app, start):
    @app.task(bind=True)
    def change(self):
        request = self.request
        if not request.retries:
            raise self.retry(countdown=0, headers={"z": 1}, time_limit=99, priority=4, shadow="sh")
        return [
            request.headers,
            request.timelimit,
            request.delivery_info["priority"],
            request.shadow,
        ]

    start()
    result = change.apply_async(headers={"own": 1}, priority=2)
    assert result.get(timeout=10) == [{"z": 1}, [99, None], 4, "sh"]


def test_an_eta_decides_when(app, start, seen):
    @app.task(bind=True)
    def later(self):
        if not self.request.retries:
            raise self.retry(eta=datetime.datetime.now(datetime.timezone.utc))
        return self.request.retries

    start()
    assert later.delay().get(timeout=10) == 1


def test_the_number_of_retries_may_be_another_for_one_call(app, start, seen):
    @app.task(bind=True, max_retries=0)
    def flaky(self):
        seen.append(self.request.retries)
        raise self.retry(countdown=0, max_retries=2, exc=Flaky("x"))

    start()
    with pytest.raises(Flaky):
        flaky.delay().get(timeout=10)
    assert seen == [0, 1, 2]


def test_none_retries_for_ever(app, start, seen):
    @app.task(bind=True, max_retries=None)
    def flaky(self):
        if self.request.retries < 6:
            raise self.retry(countdown=0)
        return self.request.retries

    start()
    assert flaky.delay().get(timeout=10) == 6


def test_the_last_error_knows_the_arguments(app, start):
    @app.task(bind=True, max_retries=0)
    def flaky(self, x):
        try:
            self.retry(countdown=0)
        except MaxRetriesExceededError as error:
            return [error.task_args, error.task_kwargs, str(error)]

    start()
    result = flaky.delay(1)
    text = f"Can't retry {flaky.name}[{result.id}] args:(1,) kwargs:{{}}"
    assert result.get(timeout=10) == [[1], {}, text]


def test_a_retry_that_is_not_raised_runs_beside_the_run(app, start, seen):
    @app.task(bind=True)
    def both(self):
        seen.append((self.request.id, self.request.retries))
        if not self.request.retries:
            self.retry(countdown=0, throw=False)
        return self.request.retries

    start()
    result = both.delay()
    assert result.get(timeout=10) == 0
    wait_until(lambda: len(seen) == 2)
    assert seen == [(result.id, 0), (result.id, 1)]
    assert result.get(timeout=10) == 0


def test_a_retry_that_is_given_and_then_raised_is_one_retry(app, start, seen):
    @app.task(bind=True, max_retries=1)
    def flaky(self):
        seen.append(self.request.retries)
        signal = self.retry(countdown=0, throw=False, exc=Flaky("x"))
        assert isinstance(signal, Retry)
        raise signal

    start()
    with pytest.raises(Flaky):
        flaky.delay().get(timeout=10)
    assert seen == [0, 1]


def test_new_arguments_without_a_form_end_in_a_reject(app, start):
    @app.task(bind=True)
    def flaky(self, x):
        raise self.retry(args=({1, 2},), countdown=0)

    start()
    with pytest.raises(Reject):
        flaky.delay(1).get(timeout=10)


def test_a_retry_keeps_its_id(app, start):
    @app.task(bind=True)
    def flaky(self):
        self.retry(task_id="other")

    start()
    with pytest.raises(InvalidOption, match="task_id"):
        flaky.delay().get(timeout=10)


def test_a_direct_call_raises_the_cause_or_retry(app):
    @app.task(bind=True)
    def flaky(self, cause):
        self.retry(exc=cause)

    with pytest.raises(Flaky):
        flaky(Flaky("x"))
    with pytest.raises(Retry, match="Task can be retried"):
        flaky(None)


def test_a_wait_doubles_up_to_its_cap(app):
    @app.task(retry_backoff=2.9, retry_backoff_max=10, retry_jitter=False)
    def flaky():
        pass

    assert [backoff_of(flaky, retries) for retries in range(5)] == [2, 4, 8, 10, 10]
    flaky.retry_backoff = True
    assert [backoff_of(flaky, retries) for retries in range(3)] == [1, 2, 4]
    flaky.retry_backoff = False
    assert backoff_of(flaky, 1) is None


def test_jitter_gives_whole_numbers_from_none_to_all(app):
    @app.task(retry_backoff=3)
    def flaky():
        pass

    assert {backoff_of(flaky, 0) for _ in range(300)} == {0, 1, 2, 3}


def test_autoretry_lets_some_exceptions_through(app, start, seen):
    @app.task(
        bind=True,
        autoretry_for=(Exception,),
        dont_autoretry_for=(KeyError,),
        retry_kwargs={"max_retries": 1, "countdown": 0},
    )
    def flaky(self, kind):
        seen.append(kind)
        raise {"key": KeyError, "flaky": Flaky, "reject": Reject}[kind]("x")

    start()
    for kind, error in (("key", KeyError), ("flaky", Flaky), ("reject", Reject)):
        with pytest.raises(error):
            flaky.delay(kind).get(timeout=10)
    assert seen == ["key", "flaky", "flaky", "reject", "reject"]


def test_a_coroutine_is_retried_by_itself(app, start):
    @app.task(bind=True, autoretry_for=(Flaky,), default_retry_delay=0)
    async def flaky(self):
        if not self.request.retries:
            raise Flaky("x")
        return self.request.retries

    start()
    assert flaky.delay().get(timeout=10) == 1


def test_a_retry_may_go_to_another_queue(app, start, queue_name, seen):
    @app.task(bind=True)
    def wander(self, x):
        seen.append((self.request.id, self.request.delivery_info["routing_key"], x))
        if not self.request.retries:
            raise self.retry(queue=f"{queue_name}-far", args=(x + 1,), countdown=0.05)
        return self.request.retries

    start(queue_name, f"{queue_name}-far")
    result = wander.apply_async((1,), priority=3)
    assert app.AsyncResult(result.id).get(timeout=10) == 1
    assert result.get(timeout=10) == 1
    assert seen == [(result.id, queue_name, 1), (result.id, f"{queue_name}-far", 2)]
    assert app.queue(queue_name).get_job(result.id) is None
    job = app.queue(f"{queue_name}-far").get_job(result.id)
    assert (job.attempts_made, len(job.stacktrace)) == (2, 1)


def test_a_parent_waits_for_a_child_that_went_to_another_queue(app, start, queue_name):
    @app.task(name="wander", bind=True)
    def wander(self):
        if not self.request.retries:
            raise self.retry(queue=f"{queue_name}-far", countdown=0)
        return "done"

    @app.task(name="gather", bind=True)
    def gather(self):
        return list(self.request.delivery.get_children_values().values())

    tree = FlowJob(
        "gather", queue_name, {"args": []}, children=[FlowJob("wander", queue_name, {"args": []})]
    )
    flow = FlowProducer(driver=app.driver, prefix=app.prefix).add(tree)
    start(queue_name, f"{queue_name}-far")
    assert app.AsyncResult(flow.job.id).get(timeout=10) == ["done"]


def test_a_queue_that_has_the_id_already_refuses_the_retry(app, start, queue_name):
    @app.task(bind=True)
    def wander(self):
        raise self.retry(queue=f"{queue_name}-far", countdown=0)

    app.queue(f"{queue_name}-far").add("other", {}, job_id="same")
    start()
    with pytest.raises(Reject):
        wander.apply_async(task_id="same").get(timeout=10)


@pytest.mark.parametrize("end", ["return", "raise"])
def test_a_retry_that_is_swallowed_runs_all_the_same(app, start, seen, end):
    @app.task(bind=True)
    def careless(self):
        seen.append((self.request.id, self.request.retries))
        if not self.request.retries:
            try:
                self.retry(countdown=0)
            except Exception:
                if end == "raise":
                    raise Flaky("another") from None
        return self.request.retries

    start()
    result = careless.delay()
    if end == "raise":
        with pytest.raises(Flaky, match="another"):
            result.get(timeout=10)
    else:
        assert result.get(timeout=10) == 0
    wait_until(lambda: len(seen) == 2)
    assert seen == [(result.id, 0), (result.id, 1)]


def test_a_retry_because_of_a_retry_is_one_retry(app, start, seen):
    @app.task(bind=True, max_retries=1)
    def nervous(self):
        seen.append(self.request.retries)
        try:
            if not self.request.retries:
                self.retry(countdown=600)
        except Exception as error:
            raise self.retry(countdown=0, exc=error) from None
        return "done"

    start()
    assert nervous.delay().get(timeout=10) == "done"
    assert seen == [0, 1]
    assert app.queue(app.conf.task_default_queue).get_delayed_count() == 0


def test_no_second_message_is_made_for_a_retry(app, start, seen):
    @app.task(bind=True)
    def flaky(self):
        seen.append(self.request.eta)
        if not self.request.retries:
            signal = self.retry(countdown=0.05, throw=False)
            seen.append(signal.sig)
            raise signal

    start()
    flaky.apply_async(countdown=0.05).get(timeout=10)
    first, sig, second = seen
    assert (sig, second) == (None, first)
    assert first is not None
    with pytest.raises(NotImplementedError, match=r"self\.retry"):
        flaky.signature_from_request()
