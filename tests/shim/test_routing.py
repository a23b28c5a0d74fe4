"""Where tasks go."""

from __future__ import annotations

import re
import uuid

import pytest
from kombu import Exchange, Queue, binding
from kombu.common import Broadcast

from bullrush import Celery
from bullrush.core.errors import InvalidQueueName
from bullrush.exceptions import ImproperlyConfigured, QueueNotFound
from bullrush.worker import make_worker


def to_function_queue(name, args, kwargs, options, task=None, **others):
    """A router, found by its path."""
    return {"queue": f"by-{task.name if task else name}", "priority": 4}


class OldRouter:
    """A router of Celery 3."""

    def route_for_task(self, task, args=None, kwargs=None):
        """Where it goes."""
        return "old-router" if task == "proj.add" else None


@pytest.fixture
def make():
    """Makes applications with a task `proj.add` and one with a queue of its own."""
    made = []

    def make(**settings):
        app = Celery("proj", broker=f"memory://{uuid.uuid4().hex}", set_as_current=False)
        app.conf.update(settings)

        @app.task(name="proj.add")
        def add(x=0, y=0):
            return x + y

        @app.task(name="proj.own", queue="own", priority=3)
        def own():
            return None

        made.append(app)
        return app

    yield make
    for app in made:
        app.close()


def sent(app, name="proj.add", **options):
    """(queue, priority) of a call, as it is in Redis."""
    result = app.tasks[name].apply_async(**options)
    job = app.queue(result.queue).get_job(result.id)
    assert job is not None
    return result.queue, job.priority


@pytest.mark.parametrize(
    ("routes", "queue"),
    [
        (None, "celery"),
        ({"proj.add": "a"}, "a"),
        ({"proj.add": {"queue": "a"}}, "a"),
        ({"proj.add": Queue("a")}, "a"),
        ({"proj.*": "globbed", "proj.add": "exact"}, "exact"),
        ({"proj.a*": "first", "proj.*": "second"}, "first"),
        ({re.compile(r"proj\.(add|sub)"): "pattern"}, "pattern"),
        ({"other.*": "a"}, "celery"),
        ({"proj.ad?": "a", "proj.[a]dd": "b"}, "celery"),
        ({"proj.[a]d*": "globbed"}, "globbed"),
        ([{"other.*": "a"}, {"proj.*": "b"}], "b"),
        (([("other", "x"), ("proj.*", "pairs")],), "pairs"),
        ([("proj.*", "pairs")], "pairs"),
        (to_function_queue, "by-proj.add"),
        ("tests.shim.test_routing.to_function_queue", "by-proj.add"),
        (["tests.shim.test_routing:to_function_queue"], "by-proj.add"),
        (OldRouter(), "old-router"),
        (OldRouter, "old-router"),
        ("tests.shim.test_routing.OldRouter", "old-router"),
        (lambda *a, **k: None, "celery"),
    ],
)
def test_every_form_of_a_route_is_understood(make, routes, queue):
    assert sent(make(task_routes=routes))[0] == queue


def test_options_of_the_call_beat_those_of_the_task_and_both_beat_the_route(make):
    app = make(task_routes={"proj.*": {"queue": "routed", "priority": 7}})
    assert sent(app) == ("routed", 7)
    assert sent(app, queue="called") == ("called", 7)
    assert sent(app, priority=1) == ("routed", 1)
    assert sent(app, "proj.own") == ("own", 3)
    assert sent(app, "proj.own", queue="called") == ("called", 3)


def test_a_route_of_another_kind_is_refused(make):
    for routes in (3, [3], {"proj.add": 3}):
        with pytest.raises(ImproperlyConfigured, match="3"):
            sent(make(task_routes=routes))
    with pytest.raises(ModuleNotFoundError):
        sent(make(task_routes="no.such.router"))


def test_another_name_may_be_looked_up_in_the_routes(make):
    assert sent(make(task_routes={"nickname": "a"}), route_name="nickname")[0] == "a"


def test_a_queue_may_be_an_object_of_kombu(make):
    assert sent(make(), queue=Queue("q", Exchange("x"), routing_key="k"))[0] == "q"


def test_unknown_queues_are_made_unless_that_is_off(make):
    app = make(task_queues=[Queue("one")], task_default_queue="one")
    assert sent(app, queue="two")[0] == "two"
    strict = make(task_create_missing_queues=False)
    assert sent(strict)[0] == "celery"
    with pytest.raises(QueueNotFound, match="'two' missing from task_queues") as raised:
        sent(strict, queue="two")
    assert isinstance(raised.value, KeyError)
    assert strict.queue("two").get_job_counts()["waiting"] == 0


def test_exchange_and_routing_key_find_the_queues_that_are_bound_so(make):
    app = make(
        task_queues=[
            Queue("direct", Exchange("d", type="direct"), routing_key="k"),
            Queue("words", Exchange("t", type="topic"), routing_key="a.*"),
            Queue("all", Exchange("t", type="topic"), routing_key="a.#"),
            Queue("two", bindings=[binding(Exchange("d"), routing_key="other")]),
        ]
    )
    assert sent(app, exchange="d", routing_key="k")[0] == "direct"
    assert sent(app, exchange="d", routing_key="other")[0] == "two"
    assert sent(app, exchange="", routing_key="any")[0] == "any"
    both = app.send_task("proj.add", exchange="t", routing_key="a.b")
    for name, number in (("words", 1), ("all", 1), ("direct", 1)):
        assert app.queue(name).get_job_counts()["waiting"] == number, name
    assert app.queue("all").get_job(both.id) is not None
    assert sent(app, exchange="t", routing_key="a.b.c")[0] == "all"
    assert sent(app, exchange="t", routing_key="a")[0] == "all"
    with pytest.raises(QueueNotFound, match="bound to the exchange 'd' by 'nobody'"):
        sent(app, exchange="d", routing_key="nobody")


def test_a_routing_key_alone_changes_nothing(make):
    assert sent(make(), routing_key="k")[0] == "celery"
    assert sent(make(), exchange="x")[0] == "celery"


def test_the_queues_of_the_settings_can_be_read(make):
    app = make(
        task_queues={
            "first": {"exchange": "e", "routing_key": "k"},
            "second": {"binding_key": "b"},
        },
        task_default_exchange="dex",
        task_queue_max_priority=10,
    )
    assert list(app.amqp.queues) == ["first", "second"]
    first, second = app.amqp.queues["first"], app.amqp.queues["second"]
    assert (first.exchange.name, first.routing_key) == ("e", "k")
    assert (second.exchange.name, second.routing_key) == ("dex", "b")
    assert first.queue_arguments == {"x-max-priority": 10}
    assert app.amqp.default_queue.name == "celery"
    assert "first" in app.known_queues()


def test_the_router_can_be_asked(make):
    app = make(task_routes={"proj.add": {"queue": "a", "priority": 2}})
    route = app.amqp.router.route({}, "proj.add", (1,), {})
    assert (route["queue"].name, route["priority"]) == ("a", 2)
    assert app.amqp.router.route({"queue": "b"}, "proj.add")["queue"].name == "b"


def test_a_worker_without_queues_consumes_those_of_the_settings(make):
    assert make().consumed_queues() == ["celery"]
    app = make(task_queues=[Queue("one"), Queue("two")])
    assert [queue.name for queue in make_worker(app, pool="solo").queues] == ["one", "two"]
    app.select_queues(["two", "three"])
    assert app.consumed_queues() == ["two", "three"]


def test_a_queue_that_is_sent_to_is_not_consumed_for_that(make):
    app = make(task_queues=[Queue("one"), Queue("two")])
    assert sent(app, queue="elsewhere")[0] == "elsewhere"
    app.amqp.queues.add("added", routing_key="k")
    assert app.consumed_queues() == ["one", "two"]
    assert app.amqp.queues.select_add("three").name == "three"
    assert app.consumed_queues() == ["one", "two", "three"]
    assert list(app.amqp.queues) == ["one", "two", "elsewhere", "added", "three"]


def test_what_a_worker_is_to_consume_outlives_a_change_of_other_settings():
    with Celery("late", task_queues=[Queue("one"), Queue("two")], set_as_current=False) as app:
        app.amqp.queues.deselect("one")
        app.conf.worker_concurrency = 2
        assert app.consumed_queues() == ["two"]
        app.conf.task_queues = [Queue("new")]
        assert app.consumed_queues() == ["new"]


@pytest.mark.parametrize("queue", [Broadcast("news"), Queue("h", Exchange("h", type="headers"))])
def test_a_copy_for_every_worker_is_refused_by_name(make, queue):
    app = make(task_queues=[queue])
    with pytest.raises(ImproperlyConfigured, match=r"app\.control\.broadcast"):
        sent(app)


def test_arguments_that_only_other_brokers_know_are_told(make, caplog):
    assert sent(make(task_queues=[Queue("celery", max_length=5, message_ttl=2.0)]))[0] == "celery"
    assert "'celery' asks for max_length, message_ttl" in caplog.text


def test_a_name_that_bullmq_cannot_hold_is_refused_at_the_caller(make):
    with pytest.raises(InvalidQueueName, match=":"):
        sent(make(), queue="a:b")


def test_priorities_may_run_the_other_way(make):
    app = make(priority_order="higher-first")
    assert [sent(app, priority=p)[1] for p in (9, 5, 0, None, 20)] == [0, 4, 9, 9, 0]
    wide = make(priority_order="higher-first", task_queue_max_priority=255)
    assert sent(wide, priority=200)[1] == 55


def test_the_default_priority_is_that_of_the_settings(make):
    app = make(task_default_priority=5)
    assert (sent(app)[1], sent(app, priority=1)[1]) == (5, 1)


def test_the_exchange_and_key_of_a_call_beat_the_queue_of_a_route(make):
    bound = Queue("bound", Exchange("x"), routing_key="k")
    app = make(task_queues=[bound], task_routes={"proj.add": {"queue": "routed", "priority": 2}})
    assert sent(app, exchange="x", routing_key="k") == ("bound", 2)


def test_a_worker_is_refused_queues_that_may_not_be_made(make):
    strict = make(task_queues=[Queue("one")], task_create_missing_queues=False)
    with pytest.raises(ImproperlyConfigured, match="-Q two"):
        make_worker(strict, ["one", "two"], pool="solo")
    assert [queue.name for queue in make_worker(strict, "one", pool="solo").queues] == ["one"]


def test_a_worker_may_have_a_queue_of_its_own(make):
    app = make(worker_direct=True)
    worker = make_worker(app, pool="solo", hostname="me@here")
    assert [queue.name for queue in worker.queues] == ["celery", "me@here.dq2"]
    worker.start()
    try:
        result = app.send_task("proj.add", (2, 3), queue="me@here.dq2")
        assert result.get(timeout=10) == 5
    finally:
        worker.stop(timeout=10)
