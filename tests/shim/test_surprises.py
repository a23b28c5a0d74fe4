"""The forty behaviours of Celery that most often surprise, each by its number."""

from __future__ import annotations

import datetime
import decimal
import enum
import threading
import uuid
import warnings

import pytest
from kombu.exceptions import EncodeError

from bullrush import Celery, Task, chain, chord, group, shared_task
from bullrush.exceptions import (
    ChordError,
    DuplicateTaskNameWarning,
    Ignore,
    MaxRetriesExceededError,
    NotRegistered,
    Reject,
    Retry,
    TaskRevokedError,
    TimeoutError,
)
from bullrush.result import AsyncResult, allow_join_result
from bullrush.schedules import crontab
from bullrush.utils.time import get_exponential_backoff_interval
from tests.support.waiting import wait_until

LONG = 15


class Color(enum.Enum):
    """Something JSON cannot hold."""

    RED = 1


class TestNames:
    def test_01_a_task_of_the_main_module_is_named_after_the_application(self):
        app = Celery("proj", set_as_current=False)
        nameless = Celery(set_as_current=False)

        def work():
            pass

        work.__module__ = "__main__"
        assert app.task(work).name == "proj.work"
        assert nameless.task(work).name == "__main__.work"

    def test_02_the_name_is_the_modules_as_it_was_imported(self, app):
        def work():
            pass

        work.__module__ = "tasks"
        assert app.task(work).name == "tasks.work"
        work.__module__ = "proj.tasks"
        assert app.task(work).name == "proj.tasks.work"

    def test_03_the_second_task_of_a_name_is_dropped_but_register_task_replaces(self, app):
        @app.task(name="same")
        def first():
            return 1

        def second():
            return 2

        assert first() == 1
        with pytest.warns(DuplicateTaskNameWarning, match="same"):
            again = app.task(name="same", lazy=False)(second)
        assert again() == first() == 1

        class Third(Task):
            name = "same"

            def run(self):
                return 3

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            app.register_task(Third())
        assert app.tasks["same"]() == 3

    def test_04_a_shared_task_is_the_current_applications_at_each_use(self):
        name = f"shared-{uuid.uuid4().hex}"

        @shared_task(name=name)
        def work():
            return "done"

        one = Celery("one")
        assert work.app is one
        two = Celery("two")
        assert work.app is two
        assert name in one.tasks
        assert name in two.tasks
        one.close()
        two.close()


class TestCalling:
    def test_05_arguments_are_checked_where_the_task_is_called(self, app, start):
        @app.task
        def add(x, y):
            return x + y

        @app.task(bind=True)
        def bound(self, x):
            return x

        @app.task(typing=False)
        def loose(x):
            return x

        with pytest.raises(TypeError, match=r"add\(\) missing 1 required positional argument: 'y'"):
            add.delay(1)
        with pytest.raises(TypeError, match="positional argument"):
            bound.delay()
        start()
        with pytest.raises(TypeError, match="missing 1 required"):
            loose.delay().get(timeout=LONG)

    @pytest.mark.parametrize("value", [{1}, datetime.timedelta(1), Color.RED])
    def test_06_what_json_cannot_hold_is_refused_here_and_fails_as_a_result(
        self, app, start, value
    ):
        @app.task
        def identity(x=None):
            return value

        with pytest.raises(EncodeError):
            identity.delay(value)
        start()
        result = identity.delay()
        with pytest.raises(EncodeError):
            result.get(timeout=LONG)
        assert result.state == "FAILURE"

    def test_07_json_keeps_dates_uuids_decimals_and_bytes_but_no_tuples(self, app, start):
        @app.task
        def identity(x):
            return x

        start()
        when = datetime.datetime(2024, 1, 2, 3, tzinfo=datetime.timezone.utc)
        kept = [when, when.date(), uuid.UUID(int=7), decimal.Decimal("1.50"), b"raw"]
        assert identity.delay(kept).get(timeout=LONG) == kept
        assert identity.delay({"t": (1, 2), 3: 4}).get(timeout=LONG) == {"t": [1, 2], "3": 4}

    def test_15_naive_times_are_utc_whatever_the_timezone(self, app, start):
        app.conf.timezone = "America/New_York"

        @app.task
        def work():
            return 1

        start()
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        assert work.apply_async(eta=now).get(timeout=LONG) == 1
        gone = now - datetime.timedelta(minutes=1)
        with pytest.raises(TaskRevokedError, match="expired"):
            work.apply_async(expires=gone).get(timeout=LONG)

    def test_16_countdown_beats_eta_and_nothing_or_less_is_now(self, app, start):
        @app.task
        def work():
            return 1

        start()
        later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        assert work.apply_async(countdown=0.01, eta=later).get(timeout=LONG) == 1
        assert work.apply_async(countdown=0).get(timeout=LONG) == 1
        assert work.apply_async(countdown=-5).get(timeout=LONG) == 1

    def test_31_partial_arguments_go_in_front(self, app, start):
        @app.task
        def minus(x, y):
            return x - y

        start()
        assert minus.s(10)(1) == 1 - 10
        assert minus.s(10).delay(1).get(timeout=LONG) == -9
        assert chain(minus.si(5, 1), minus.s(1)).apply_async().get(timeout=LONG) == 3
        assert minus.si(7, 2).apply_async((100,)).get(timeout=LONG) == 5


class TestRetries:
    def test_08_three_retries_are_four_runs(self, app, start):
        runs = []

        @app.task(bind=True, max_retries=3)
        def fails(self):
            runs.append(self.request.retries)
            raise self.retry(exc=KeyError("k"), countdown=0)

        @app.task(bind=True, max_retries=0)
        def nothing(self):
            raise self.retry(countdown=0)

        start()
        with pytest.raises(KeyError):
            fails.delay().get(timeout=LONG)
        assert runs == [0, 1, 2, 3]
        with pytest.raises(MaxRetriesExceededError, match="Can't retry"):
            nothing.delay().get(timeout=LONG)

    def test_09_a_retry_keeps_chain_links_headers_limits_and_the_first_expiry(self, app, start):
        seen = []
        linked = threading.Event()

        @app.task(bind=True)
        def work(self, x):
            r = self.request
            seen.append((r.id, r.headers, r.expires, r.timelimit, r.delivery_info["priority"]))
            if not r.retries:
                raise self.retry(countdown=0.01)
            return x

        @app.task
        def note(x):
            linked.set()

        @app.task
        def double(x):
            return 2 * x

        start()
        step = work.s(4).set(
            headers={"color": "red"}, expires=100, soft_time_limit=50, time_limit=60, priority=3
        )
        step.link(note.s())
        assert chain(step, double.s()).apply_async().get(timeout=LONG) == 8
        assert linked.wait(LONG)
        first, second = seen
        assert first == second
        assert first[1] == {"color": "red"}
        assert list(first[3]) == [60, 50]

    def test_10_no_countdown_at_all_is_the_default_delay_of_three_minutes(self, app, start):
        @app.task(bind=True)
        def work(self):
            if not self.request.retries:
                raise self.retry()

        assert work.default_retry_delay == 180
        start()
        result = work.delay()
        wait_until(lambda: result.state == "RETRY", LONG)
        job = app.queue(app.conf.task_default_queue).get_job(result.id)
        assert 170_000 < job.delay <= 180_000

    def test_11_the_pause_of_an_autoretry_doubles_with_full_jitter_in_whole_seconds(self, app):
        for retries, most in enumerate([1, 2, 4, 8, 8]):
            drawn = {get_exponential_backoff_interval(1, retries, 8, True) for _ in range(300)}
            assert drawn <= set(range(most + 1))
            assert {0, most} <= drawn

    def test_12_autoretry_lets_ignore_through_and_retries_a_reject(self, app, start):
        runs = {"ignore": 0, "reject": 0}

        @app.task(autoretry_for=(Exception,), max_retries=2, default_retry_delay=0, bind=True)
        def work(self, what):
            runs[what] += 1
            raise Ignore() if what == "ignore" else Reject("no")

        @app.task
        def after():
            return 1

        start(concurrency=1)
        work.delay("ignore")
        result = work.delay("reject")
        with pytest.raises(Reject):
            result.get(timeout=LONG)
        assert after.delay().get(timeout=LONG) == 1
        assert runs == {"ignore": 1, "reject": 3}

    def test_13_the_retried_run_of_a_top_task_has_itself_as_parent(self, app, start):
        parents = []

        @app.task(bind=True)
        def work(self):
            parents.append(self.request.parent_id)
            if not self.request.retries:
                raise self.retry(countdown=0)
            return self.request.id

        start()
        result = work.delay()
        assert result.get(timeout=LONG) == result.id
        assert parents == [None, result.id]

    def test_30_eager_tasks_pass_the_serializer_and_retry_at_once(self, app):
        app.conf.task_always_eager = True

        @app.task
        def identity(x):
            return x

        @app.task(bind=True, max_retries=2)
        def flaky(self, needed):
            if self.request.retries < needed:
                raise self.retry(countdown=100)
            return self.request.retries

        assert identity.delay((1, 2)).get() == [1, 2]
        with pytest.raises(EncodeError):
            identity.delay({1})
        assert flaky.delay(2).get() == 2
        app.conf.task_eager_propagates = True
        with pytest.raises(Retry):
            flaky.delay(1)


class TestEnds:
    def test_14_an_expired_task_is_revoked_and_its_errbacks_do_not_run(self, app, start):
        called = threading.Event()

        @app.task
        def work():
            return 1

        @app.task
        def errback(request, exc, traceback):
            called.set()

        start()
        result = work.apply_async(expires=-1, link_error=errback.s())
        with pytest.raises(TaskRevokedError, match="expired"):
            result.get(timeout=LONG)
        assert result.state == "REVOKED"
        assert work.delay().get(timeout=LONG) == 1
        assert not called.is_set()

    def test_17_an_unknown_task_is_a_failure_named_not_registered(self, app, start):
        start()
        result = app.send_task("no.such.task")
        with pytest.raises(NotRegistered):
            result.get(timeout=LONG)
        assert result.state == "FAILURE"

    def test_18_every_unknown_id_is_pending(self, app):
        result = AsyncResult("nobody", app=app)
        assert result.state == "PENDING"
        with pytest.raises(TimeoutError):
            result.get(timeout=0.05)

    def test_19_a_task_must_not_wait_for_another(self, app, start):
        @app.task
        def inner():
            return 1

        @app.task
        def outer(allowed):
            if not allowed:
                return inner.delay().get(timeout=LONG)
            with allow_join_result():
                return inner.delay().get(timeout=LONG)

        start(concurrency=2)
        with pytest.raises(RuntimeError, match=r"Never call result.get\(\) within a task!"):
            outer.delay(False).get(timeout=LONG)
        assert outer.delay(True).get(timeout=LONG) == 1

    def test_20_an_exception_comes_back_as_its_class_if_the_reader_has_it(self, app, start):
        class Odd(Exception):
            def __init__(self, a, b):
                super().__init__(a)

        @app.task
        def fails(what):
            raise {"known": KeyError("k", 3), "odd": Odd(1, 2)}[what]

        start()
        with pytest.raises(KeyError) as caught:
            fails.delay("known").get(timeout=LONG)
        assert caught.value.args == ("k", 3)
        with pytest.raises(Exception, match="Odd") as odd:
            fails.delay("odd").get(timeout=LONG)
        assert type(odd.value).__name__ in ("Odd", "UnpickleableExceptionWrapper", "Exception")

    def test_21_a_failed_chord_raises_the_exception_of_its_header(self, app, start):
        @app.task
        def fails():
            raise ValueError("header")

        @app.task
        def body(values):
            return values

        start()
        result = chord([fails.s(), fails.s()], body.s()).apply_async()
        with pytest.raises(ValueError, match="header"):
            result.get(timeout=LONG)
        wait_until(lambda: result.state == "FAILURE", LONG)
        assert isinstance(result.result, ChordError)

    def test_27_a_failed_step_fails_all_later_ones_with_its_exception(self, app, start):
        @app.task
        def fails():
            raise ValueError("first")

        @app.task
        def never(x):
            return x

        start()
        last = chain(fails.s(), never.s(), never.s()).apply_async()
        with pytest.raises(ValueError, match="first"):
            last.get(timeout=LONG)
        for result in (last, last.parent, last.parent.parent):
            wait_until(result.ready, LONG)
            assert (result.state, repr(result.result)) == ("FAILURE", "ValueError('first')")

    def test_36_ignore_leaves_the_state_and_reject_is_a_failure(self, app, start):
        seen = []

        class Telling(Task):
            def on_failure(self, exc, task_id, args, kwargs, einfo):
                seen.append(exc)

        @app.task(bind=True, base=Telling)
        def work(self, what):
            if what == "ignore":
                self.update_state(state="PARKED", meta={"n": 1})
                raise Ignore()
            raise Reject("why", requeue=False)

        start()
        rejected = work.delay("reject")
        with pytest.raises(Reject):
            rejected.get(timeout=LONG)
        assert rejected.state == "FAILURE"
        ignored = work.delay("ignore")
        wait_until(lambda: ignored.state == "PARKED", LONG)
        assert ignored.info == {"n": 1}
        assert seen == []


class TestCanvas:
    @pytest.fixture
    def xsum(self, app):
        @app.task
        def xsum(numbers):
            return sum(numbers)

        return xsum

    @pytest.fixture
    def add(self, app):
        @app.task
        def add(x, y=0):
            return x + y

        return add

    @pytest.fixture
    def identity(self, app):
        @app.task
        def identity(x):
            return x

        return identity

    def test_22_an_empty_header_runs_the_body_with_an_empty_list(self, start, add, xsum):
        start()
        assert chord([], xsum.s()).apply_async().get(timeout=LONG) == 0
        assert (group([]) | xsum.s()).apply_async().get(timeout=LONG) == 0
        assert chain(add.s(1, 1), group(), add.s(3)).apply_async().get(timeout=LONG) == 5

    def test_23_a_group_of_one_in_a_chain_gives_a_value_but_piped_a_list(
        self, start, add, identity
    ):
        start()
        in_chain = chain(add.s(1, 1), group(add.s(3)), identity.s())
        assert in_chain.apply_async().get(timeout=LONG) == 5
        assert (group(add.s(1, 1)) | identity.s()).apply_async().get(timeout=LONG) == [2]

    def test_24_a_group_after_a_group_gets_the_whole_list_in_each_member(
        self, start, add, identity
    ):
        start()
        canvas = group(add.s(1), add.s(2)) | group(identity.s(), identity.s())
        assert canvas.apply_async().get(timeout=LONG) == [[1, 2], [1, 2]]

    def test_25_ignored_results_still_reach_the_body_of_a_chord(self, app, start, xsum):
        @app.task(ignore_result=True)
        def ignored(x):
            return x

        start()
        assert chord([ignored.s(3), ignored.s(4)], xsum.s()).apply_async().get(timeout=LONG) == 7
        assert ignored.delay(3).get(timeout=LONG) is None

    def test_26_a_get_after_the_end_still_finds_the_value(self, start, add):
        start()
        result = add.delay(1, 2)
        wait_until(result.ready, LONG)
        assert AsyncResult(result.id, app=add.app).get(timeout=LONG) == 3

    def test_28_errbacks_with_one_parameter_are_tasks_others_run_in_the_worker(self, app, start):
        old, new = [], []
        both = threading.Barrier(3)

        @app.task
        def fails():
            raise ValueError("x")

        @app.task
        def old_style(failed_id):
            old.append(failed_id)
            both.wait(LONG)

        @app.task
        def new_style(request, exc, traceback):
            new.append((request.id, repr(exc), "ValueError: x" in traceback))

        start()
        result = fails.apply_async(link_error=[new_style.s(), old_style.s()])
        threading.Thread(target=both.wait, args=(LONG,), daemon=True).start()
        both.wait(LONG)
        assert old == [result.id]
        assert new == [(result.id, "ValueError('x')", True)]

    def test_29_the_children_of_a_result_are_complete_when_it_is_there(self, start, add):
        start()
        result = add.apply_async((1, 2), link=[add.s(10), add.s(20)])
        assert result.get(timeout=LONG) == 3
        assert sorted(each.get(timeout=LONG) for each in result.children) == [13, 23]

    def test_38_a_replaced_task_keeps_its_id(self, app, start, add):
        @app.task(bind=True)
        def replaced(self, x):
            raise self.replace(add.s(x, 10))

        @app.task(bind=True)
        def by_group(self, n):
            raise self.replace(group(add.s(i, 1) for i in range(n)))

        start()
        result = replaced.delay(1)
        assert result.get(timeout=LONG) == 11
        assert AsyncResult(result.id, app=app).get(timeout=LONG) == 11
        assert by_group.delay(3).get(timeout=LONG) == [1, 2, 3]


class TestTasks:
    def test_32_a_task_class_is_made_once_for_each_name(self, app, start):
        made = []

        class Counting(Task):
            abstract = True

            def __init__(self):
                made.append(self)
                self.runs = 0

        @app.task(base=Counting, bind=True, name="counting.one")
        def one(self):
            self.runs += 1
            return self.runs

        @app.task(base=Counting, bind=True, name="counting.two")
        def two(self):
            self.runs += 1
            return self.runs

        start(concurrency=1)
        assert [one.delay().get(timeout=LONG) for _ in range(2)] == [1, 2]
        assert two.delay().get(timeout=LONG) == 1
        assert len(made) == 2

    def test_33_an_overridden_call_runs_in_the_worker_and_sees_the_request(self, app, start):
        class Wrapping(Task):
            def __call__(self, *args, **kwargs):
                return [self.request.id, super().__call__(*args, **kwargs)]

        @app.task(base=Wrapping, bind=True)
        def work(self):
            return [self.request.id, self.request.called_directly]

        start()
        result = work.delay()
        assert result.get(timeout=LONG) == [result.id, [result.id, False]]

    def test_34_revoking_a_waiting_task_is_seen_at_once_and_a_finished_one_stays(self, app, start):
        @app.task
        def work():
            return 1

        start()
        waiting = work.apply_async(countdown=600)
        waiting.revoke()
        with pytest.raises(TaskRevokedError, match="revoked"):
            waiting.get(timeout=LONG)
        assert waiting.state == "REVOKED"
        done = work.delay()
        assert done.get(timeout=LONG) == 1
        done.revoke()
        assert work.delay().get(timeout=LONG) == 1
        assert AsyncResult(done.id, app=app).state == "SUCCESS"

    def test_37_after_return_gets_no_einfo_and_on_success_cannot_fail_the_task(self, app, start):
        seen = []
        told = threading.Event()

        class Telling(Task):
            def on_success(self, retval, task_id, args, kwargs):
                raise RuntimeError("in on_success")

            def after_return(self, status, retval, task_id, args, kwargs, einfo):
                seen.append((status, einfo))
                if len(seen) == 2:
                    told.set()

        @app.task(bind=True, base=Telling)
        def work(self, what):
            if what == "fail":
                raise ValueError(what)
            if what == "retry" and not self.request.retries:
                raise self.retry(countdown=0)
            return what

        start(concurrency=1)
        assert work.delay("retry").get(timeout=LONG) == "retry"
        with pytest.raises(ValueError, match="fail"):
            work.delay("fail").get(timeout=LONG)
        assert told.wait(LONG)
        assert seen == [("SUCCESS", None), ("FAILURE", None)]

    def test_39_annotations_win_over_the_decorator_which_wins_over_the_class(self, app):
        class Base(Task):
            max_retries = 1
            default_retry_delay = 1
            rate_limit = "1/s"

        app.conf.task_annotations = {"annotated": {"rate_limit": "3/s"}}

        @app.task(base=Base, name="annotated", max_retries=2, rate_limit="2/s")
        def work():
            pass

        app.finalize()
        assert (work.default_retry_delay, work.max_retries, work.rate_limit) == (1, 2, "3/s")


class TestCrontab:
    def test_40_a_crontab_follows_celerys_own_rules(self):
        with pytest.raises(ValueError, match="7"):
            crontab(day_of_week="7")
        assert crontab(0, 0, "sunday").day_of_week == {0}
        assert crontab(hour="9-17/3").hour == {9, 12, 15}
        both = crontab(minute=0, hour=0, day_of_month="13", day_of_week="fri")
        friday = datetime.datetime(2024, 9, 13, tzinfo=datetime.timezone.utc)
        start = datetime.datetime(2024, 9, 1, tzinfo=datetime.timezone.utc)
        both.nowfun = lambda: start
        assert start + both.remaining_estimate(start) == friday


def test_35_a_lost_child_is_a_failure_unless_it_is_asked_to_be_given_back(app):
    """The runs themselves are tested with real children in `test_pools`."""

    @app.task(acks_late=True)
    def late():
        pass

    @app.task(acks_late=True, reject_on_worker_lost=True)
    def again():
        pass

    assert not late.reject_on_worker_lost
    assert again.reject_on_worker_lost
