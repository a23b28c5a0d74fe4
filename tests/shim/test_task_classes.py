"""Classes of tasks and the options on them."""

from __future__ import annotations

import inspect
import os

import pytest

from bullrush import Celery, Task
from bullrush.app.task_options import TaskOptions
from bullrush.app.task_rows import TASK_OPTIONS
from bullrush.core.delivery import Delivery
from bullrush.exceptions import TimeLimitExceeded, WorkerLostError
from tests.support.waiting import wait_until


def test_a_class_has_one_object_in_a_process(app, start):
    made = []

    class Counting(Task):
        def __init__(self):
            made.append(self)
            self.calls = 0

    @app.task(base=Counting, bind=True)
    def count(self):
        self.calls += 1
        return self.calls

    start(concurrency=1)
    assert [count.delay().get(timeout=10) for _ in range(3)] == [1, 2, 3]
    assert len(made) == 1


def test_a_class_is_a_task_once_it_is_registered(app, start):
    class Base(app.Task):
        abstract = True
        unit = "km"

        def run(self, number):
            return f"{number} {self.unit}"

    class Miles(Base):
        name = "in-miles"
        unit = "mi"

    miles = app.register_task(Miles())
    assert (miles.name, app.tasks["in-miles"]) == ("in-miles", miles)
    start()
    assert miles.delay(3).get(timeout=10) == "3 mi"
    assert miles(4) == "4 mi"


def test_an_unknown_option_is_an_attribute(app, start):
    @app.task(bind=True, count=5, shop="north")
    def look(self):
        self.count += 1
        return [self.count, self.shop]

    start()
    assert look.delay().get(timeout=10) == [6, "north"]


def test_the_settings_fill_what_a_task_leaves_open(app):
    class Quiet(app.Task):
        ignore_result = True

    @app.task(rate_limit=None, track_started=None)
    def plain():
        pass

    @app.task(base=Quiet)
    def quiet():
        pass

    @app.task(base=Quiet, ignore_result=False, acks_late=True)
    def loud():
        pass

    app.conf.update(task_track_started=True, task_default_rate_limit="7/m")
    assert (plain.track_started, plain.rate_limit) == (True, "7/m")
    assert (plain.ignore_result, quiet.ignore_result, loud.ignore_result) == (False, True, False)
    assert (plain.acks_late, loud.acks_late, plain.serializer) == (False, True, "json")


def test_the_application_is_told_to_a_task_when_it_is_bound(app):
    told = []

    class Base(Task):
        @classmethod
        def on_bound(cls, app):
            told.append(app)

    @app.task(base=Base)
    def bound():
        pass

    assert bound.app is app
    assert told == [app]


def test_every_option_has_its_row_in_the_table():
    inner = {"app", "run", "abstract", "batch", "max_wait", "job_options", "bind_to", "on_bound"}
    inner |= {"annotate", "add_around"}
    attributes = {name for name in vars(TaskOptions) if not name.startswith("_")} - inner
    rows = {row.name for row in TASK_OPTIONS}
    assert attributes - rows - {"MaxRetriesExceededError", "OperationalError"} == set()


@pytest.mark.parametrize("options", [{"Strategy": "my:Strategy"}, {"backend": "redis://x"}])
def test_what_cannot_be_had_is_refused_by_name(app, options):
    @app.task(**options)
    def task():
        pass

    with pytest.raises(NotImplementedError, match=next(iter(options))):
        assert task.name


def test_a_call_is_checked_in_pythons_words_where_it_is_made(app):
    @app.task(bind=True)
    def add(self, x, y=0, *, z=0):
        pass

    for args, kwargs, text in (
        ((), {}, r"add\(\) missing 1 required positional argument: 'x'"),
        ((1, 2, 3), {}, r"add\(\) takes from 2 to 3 positional arguments but 4 were given"),
        ((1,), {"c": 3}, r"add\(\) got an unexpected keyword argument 'c'"),
    ):
        with pytest.raises(TypeError, match=text):
            add.delay(*args, **kwargs)
    for args in (5, "ab", {1, 2}, {"a": 1}, iter([1])):
        with pytest.raises(TypeError, match="task args must be a list or tuple"):
            add.apply_async(args)
    with pytest.raises(TypeError, match="task keyword arguments must be a mapping"):
        add.apply_async((1,), [1])
    assert list(inspect.signature(add).parameters) == ["x", "y", "z"]


def test_a_task_without_typing_fails_in_the_worker(app, start):
    @app.task(typing=False)
    def add(x, y):
        pass

    result = add.delay(1)
    start()
    with pytest.raises(TypeError):
        result.get(timeout=10)


def test_an_application_may_leave_arguments_unchecked(broker):
    with Celery(broker=broker, set_as_current=False, strict_typing=False) as app:

        @app.task
        def add(x, y):
            pass

        assert add.typing is False
        assert add.apply_async((1,), countdown=60).id


def test_a_soft_limit_above_the_hard_one_is_refused(app):
    @app.task(soft_time_limit=10, time_limit=5)
    def limited():
        pass

    @app.task(time_limit=5)
    def hard():
        pass

    for call in (limited.delay, lambda: hard.apply_async(soft_time_limit=6)):
        with pytest.raises(ValueError, match="soft_time_limit"):
            call()


def test_a_started_task_says_where_it_runs(app, start):
    @app.task(bind=True, track_started=True)
    def where(self):
        result = self.AsyncResult(self.request.id)
        return [result.state, result.info]

    start(hostname="celery@here")
    state, info = where.delay().get(timeout=10)
    assert state == "STARTED"
    assert info == {"pid": os.getpid(), "hostname": "celery@here"}


def test_the_state_of_another_task_can_be_told(app):
    @app.task(bind=True)
    def other(self):
        pass

    result = other.delay()
    other.update_state(result.id, state="QUEUED", meta={"place": 3})
    assert (result.state, result.info) == ("QUEUED", {"place": 3})
    with pytest.raises(ValueError, match="task_id must not be empty"):
        other.update_state(state="X")


def test_a_shadow_name_may_be_worked_out(app):
    class Named(Task):
        def shadow_name(self, args, kwargs, options):
            return f"for {args[0]}"

    @app.task(base=Named)
    def greet(name):
        pass

    job = app.queue(app.conf.task_default_queue).get_job(greet.delay("Ann").id)
    assert job.data["celery"]["shadow"] == "for Ann"


def test_a_result_class_of_its_own_is_given_to_the_caller(app):
    class Mine(app.AsyncResult("x").__class__):
        pass

    class Base(Task):
        def AsyncResult(self, task_id):
            return Mine(task_id, app=self.app)

    @app.task(base=Base)
    def task():
        pass

    assert isinstance(task.delay(), Mine)


@pytest.mark.parametrize(
    ("options", "error", "retries"),
    [
        ({"reject_on_worker_lost": False}, WorkerLostError, None),
        ({"acks_late": False}, WorkerLostError, None),
        ({"retry_on_worker_lost": True, "max_retries": 1}, WorkerLostError, 1),
        ({"retry_on_worker_lost": True, "max_retries": 0}, WorkerLostError, 0),
        ({"acks_late": True, "acks_on_timeout": False}, TimeLimitExceeded, None),
        ({"acks_late": True}, TimeLimitExceeded, None),
    ],
)
def test_an_option_decides_about_a_run_that_was_ended(app, delivered, options, error, retries):
    @app.task(default_retry_delay=0, **options)
    def task():
        pass

    tracer = app.tracer("celery@here")
    task.delay()
    outcome = tracer.failure(delivered(), error("over"))
    name = type(outcome).__name__
    if error is TimeLimitExceeded:
        assert name == ("Returned" if "acks_on_timeout" in options else "Failed")
    else:
        assert name == ("Retried" if retries else "Failed")
        assert tracer.fails_when_lost(delivered.last)


@pytest.fixture
def delivered(app):
    """Takes the waiting job as a worker would."""

    class Taking:
        last = None

        def __call__(self):
            queue = app.queue(app.conf.task_default_queue)
            job = wait_until(lambda: queue.get_next_job("token", block=0))
            self.last = Delivery(job, queue, "token")
            return self.last

    return Taking()


def test_a_class_knows_its_application_from_its_first_line(app):
    seen = []

    class Told(Task):
        def __init__(self):
            seen.append((self.app, self.name))

    @app.task(base=Told, name="told")
    def work():
        pass

    assert work.name == "told"
    assert seen == [(app, "told")]


def test_a_task_of_no_application_is_one_of_the_current(app):
    class Free(Task):
        def run(self):
            return [self.app, self.name, self.rate_limit]

    app.set_current()
    app.conf.task_default_rate_limit = "5/s"
    free = Free()
    assert (free(), free.__name__) == ([app, None, None], "Free")
    assert (Task.name, Task.app) == (None, app)
    assert app.register_task(free)() == [app, f"{__name__}.Free", "5/s"]


def test_hooks_of_celerys_registry_say_what_to_use():
    with pytest.raises(NotImplementedError, match="task_annotations"):
        Task.annotate()
    with pytest.raises(NotImplementedError, match="'@run' in task_annotations"):
        Task.add_around("run", print)
