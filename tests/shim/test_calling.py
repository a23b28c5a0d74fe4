"""Options of a call, and what is stored of them."""

from __future__ import annotations

import datetime
import time
import uuid
import warnings
from functools import partial

import pytest
import redis

from bullrush import Celery
from bullrush.app.options import CALL_OPTIONS
from bullrush.core.drivers import forget_memory
from bullrush.core.drivers.server_binary import ServerProcess
from bullrush.core.errors import ConnectionFailed, InvalidOption
from bullrush.exceptions import AlwaysEagerIgnored, OperationalError
from bullrush.result import AsyncResult

UTC = datetime.timezone.utc


@pytest.fixture
def broker():
    """These tests look at what is stored, which is the same over every driver."""
    yield "memory://calling"
    forget_memory("calling")


@pytest.fixture
def add(app):
    """A task."""

    @app.task(name="proj.add")
    def add(*args, **kwargs):
        return args

    return add


def job_of(result):
    """The job of a call."""
    return result.app.queue(result.queue).get_job(result.id)


def headers_of(result):
    """The ``celery`` object of a call."""
    return job_of(result).data.get("celery", {})


def test_a_plain_call_has_no_headers(add):
    assert headers_of(add.delay(1)) == {}


@pytest.mark.parametrize(
    ("options", "delay"),
    [
        ({"countdown": 10}, 10_000),
        ({"countdown": 1.5}, 1_500),
        ({"countdown": 0}, 0),
        ({"countdown": -5}, 0),
        ({"countdown": 10, "eta": datetime.datetime(2200, 1, 1)}, 10_000),
        ({"countdown": 0, "eta": datetime.datetime(1999, 1, 1)}, 0),
        ({"eta": datetime.datetime(1999, 1, 1, tzinfo=UTC)}, 0),
        ({"eta": "1999-01-01T00:00:00Z"}, 0),
    ],
)
def test_countdown_beats_eta_and_what_is_past_runs_at_once(add, options, delay):
    assert job_of(add.apply_async(**options)).delay == pytest.approx(delay, abs=2_000)


def test_a_naive_eta_is_utc_whatever_the_time_zone(app, add):
    app.conf.timezone = "Pacific/Auckland"
    soon = datetime.datetime.now(UTC).replace(tzinfo=None) + datetime.timedelta(hours=1)
    for eta in (soon, soon.isoformat()):
        assert job_of(add.apply_async(eta=eta)).delay == pytest.approx(3_600_000, abs=60_000)


def test_a_countdown_is_told_in_the_zone_of_the_application(app, add):
    app.conf.timezone = "Asia/Kathmandu"
    assert headers_of(add.apply_async(countdown=10))["eta"].endswith("+05:45")


@pytest.mark.parametrize(
    "options",
    [
        {"eta": "tomorrow"},
        {"eta": 5},
        {"eta": object()},
        {"countdown": "5"},
        {"countdown": True},
        {"countdown": 1e15},
        {"countdown": float("nan")},
        {"expires": "soon"},
        {"expires": object()},
        {"expires": 1e15},
        {"soft_time_limit": 3, "time_limit": 2},
        {"time_limit": -2},
        {"time_limit": "x"},
        {"priority": "x"},
        {"priority": -1},
    ],
)
def test_impossible_values_are_a_value_error_before_anything_is_written(app, add, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        add.apply_async(**options)
    counts = app.queue(app.conf.task_default_queue).get_job_counts()
    assert counts["waiting"] + counts["delayed"] == 0


def test_limits_of_a_task_that_contradict_each_other_are_refused_at_the_call(app):
    @app.task(soft_time_limit=5, time_limit=2)
    def contradictory():
        return None

    with pytest.raises(ValueError, match="soft_time_limit"):
        contradictory.delay()


def test_expires_is_an_absolute_moment(add):
    expires = datetime.datetime.fromisoformat(headers_of(add.apply_async(expires=60))["expires"])
    rest = (expires - datetime.datetime.now(UTC)).total_seconds()
    assert rest == pytest.approx(60, abs=10)
    naive = headers_of(add.apply_async(expires=datetime.datetime(2200, 1, 1)))["expires"]
    assert naive == "2200-01-01T00:00:00+00:00"


def test_an_expiry_in_the_past_is_told(add, caplog):
    result = add.apply_async(expires=-5)
    assert f"{result.id} has an expiration date in the past" in caplog.text


def test_a_task_that_expires_at_once_is_revoked(app, add, start):
    start()
    result = add.apply_async(expires=0)
    result.get(timeout=10, propagate=False)
    assert result.state == "REVOKED"


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ("abc", None, "list or tuple"),
        ({1}, None, "list or tuple"),
        ((x for x in (1, 2)), None, "list or tuple"),
        ((), [1], "mapping"),
    ],
)
def test_arguments_of_another_kind_are_a_type_error(app, add, args, kwargs, words):
    with pytest.raises(TypeError, match=words):
        app.send_task("proj.add", args, kwargs)


def test_headers_of_a_call_are_stored_under_celerys_names(add):
    options = {
        "headers": {"trace": "1"},
        "shadow": "alias",
        "argsrepr": "(...)",
        "kwargsrepr": "{...}",
        "reply_to": "me",
        "root_id": "r",
        "parent_id": "p",
        "group_id": "g",
        "group_index": 0,
        "replaced_task_nesting": 1,
        "ignore_result": False,
        "time_limit": 9,
        "link": {"task": "proj.add"},
        "link_error": [{"task": "proj.add"}],
        "chain": [{"task": "proj.add"}],
        "origin": "gen1@here",
        "retries": 2,
    }
    assert headers_of(add.apply_async(**options)) == {
        "headers": {"trace": "1"},
        "shadow": "alias",
        "argsrepr": "(...)",
        "kwargsrepr": "{...}",
        "reply_to": "me",
        "root_id": "r",
        "parent_id": "p",
        "group": "g",
        "group_index": 0,
        "replaced_task_nesting": 1,
        "ignore_result": False,
        "timelimit": [9, None],
        "callbacks": [{"task": "proj.add"}],
        "errbacks": [{"task": "proj.add"}],
        "chain": [{"task": "proj.add"}],
        "origin": "gen1@here",
        "retries": 2,
    }


def test_stamps_are_named_in_stamped_headers(add):
    headers = headers_of(add.apply_async(stamped_headers=["who"], who="ann"))
    assert headers == {"stamped_headers": ["who"], "stamps": {"who": "ann"}}


def test_any_other_option_is_a_property_of_the_message(add):
    headers = headers_of(add.apply_async(app_id="shop", message_id="7"))
    assert headers == {"properties": {"app_id": "shop", "message_id": "7"}}


def test_a_slip_of_an_option_is_refused(add):
    with pytest.raises(InvalidOption, match="'coutdown'; did you mean 'countdown'"):
        add.apply_async(coutdown=5)


def test_options_of_other_brokers_are_told_once(add, caplog):
    for _ in range(2):
        add.apply_async(delivery_mode=1, connection=object(), producer=object())
    assert caplog.text.count("delivery_mode of apply_async has no effect") <= 1
    assert "producer" not in caplog.text
    assert {row.name for row in CALL_OPTIONS} > {"countdown", "delivery_mode"}


def test_send_task_takes_the_options_of_a_task_of_that_name(app):
    @app.task(name="proj.slow", queue="slow", priority=4, expires=60, ignore_result=True)
    def slow():
        return None

    result = app.send_task("proj.slow")
    assert (result.queue, job_of(result).priority, result.ignored) == ("slow", 4, True)
    assert "expires" in headers_of(result)
    assert app.send_task("proj.slow", queue="fast").queue == "fast"


def test_send_task_is_never_eager_and_says_so(app, add):
    app.conf.task_always_eager = True
    with pytest.warns(AlwaysEagerIgnored, match="no effect on send_task"):
        result = app.send_task("proj.add", (1,))
    app.conf.task_always_eager = False
    assert job_of(result) is not None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        app.send_task("proj.add", (1,))


def test_a_task_called_in_a_task_knows_its_parents(app, start):
    app.conf.task_inherit_parent_priority = True

    @app.task(bind=True)
    def child(self):
        return [
            self.request.root_id,
            self.request.parent_id,
            self.request.delivery_info["priority"],
        ]

    @app.task(bind=True)
    def parent(self, deeper=True):
        if deeper:
            return [self.request.id, parent.delay(False).id]
        return child.delay().id

    start()
    top, middle = parent.apply_async(priority=3).get(timeout=10)
    lowest = app.AsyncResult(middle).get(timeout=10)
    assert app.AsyncResult(lowest).get(timeout=10) == [top, middle, 3]


def test_a_result_may_have_a_class_of_its_own(add):
    class Own(AsyncResult):
        """A result."""

    assert type(add.apply_async(result_cls=Own)) is Own


def test_a_class_of_a_router_may_be_given_for_one_call(app, add):
    class Router:
        """Sends everything to one queue."""

        def route(self, options, name, args=(), kwargs=None, task_type=None):
            """The options."""
            return {**options, "queue": "special"}

    assert app.send_task("proj.add", router=Router()).queue == "special"


def test_publishing_is_tried_again_as_the_policy_says(monkeypatch):
    with Celery("gone", broker="redis://127.0.0.1:1/0", set_as_current=False) as app:
        tries = []
        policy = {
            "max_retries": 2,
            "interval_start": 0,
            "interval_step": 0,
            "errback": lambda error, pause: tries.append(type(error)),
        }
        with pytest.raises(OperationalError) as raised:
            app.send_task("proj.add", retry_policy=policy)
        assert isinstance(raised.value, ConnectionFailed)
        assert len(tries) == 2
        with pytest.raises(OperationalError):
            app.send_task("proj.add", retry=False, retry_policy=policy)
        app.conf.task_publish_retry = False
        with pytest.raises(OperationalError):
            app.send_task("proj.add", retry_policy=policy)
        assert len(tries) == 2


def test_a_plain_call_follows_every_change_of_settings_and_task(app, add):
    def where():
        result = add.delay()
        job = job_of(result)
        return result.queue, job.priority, job.opts.get("removeOnComplete"), result.ignored

    usual = where()
    assert where() == usual
    app.conf.task_routes = {"proj.add": {"queue": "routed", "priority": 2}}
    assert where() == ("routed", 2, {"age": 86400}, False)
    app.conf.task_routes["proj.add"] = "elsewhere"
    app.amqp.flush_routes()
    assert where()[0] == "elsewhere"
    add.queue = "own"
    assert where()[0] == "own"
    add.ignore_result = True
    assert where() == ("own", 0, True, True)
    app.conf.result_expires = 60
    app.conf.task_serializer = "pickle"
    assert "body" in job_of(add.delay()).data
    add.time_limit, add.soft_time_limit = 1, 2
    with pytest.raises(ValueError, match="soft_time_limit"):
        add.delay()


def test_ids_of_tasks_are_random_uuids(add):
    ids = [add.delay().id for _ in range(50)]
    found = [uuid.UUID(each) for each in ids]
    assert {each.version for each in found} == {4}
    assert {each.variant for each in found} == {uuid.RFC_4122}
    assert [str(each) for each in found] == ids
    assert len(set(ids)) == 50


@pytest.mark.row(98)
def test_a_call_is_one_round_trip_on_a_connection_that_is_open():
    with ServerProcess() as server, Celery("proj", broker=server.url, set_as_current=False) as app:

        @app.task(name="ping")
        def ping(): ...

        with redis.Redis(port=server.port) as watcher:
            ping.delay()  # connects, and makes the script known
            watcher.config_resetstat()
            for _ in range(100):
                ping.delay()
            assert watcher.info("commandstats")["cmdstat_evalsha"]["calls"] == 100
            assert "cmdstat_eval" not in watcher.info("commandstats")
            assert watcher.info("stats")["total_connections_received"] == 0


@pytest.mark.row(98)
def test_95_of_100_calls_take_less_than_5_ms(redis_url, queue_name):
    """On a machine that is busy a call is compared with a bare round trip of the same moment, and
    the best of some rounds counts.
    """
    with Celery("proj", broker=redis_url, set_as_current=False) as app:
        app.conf.task_default_queue = queue_name

        @app.task(name="ping")
        def ping(): ...

        ping.delay()  # connects, and makes the script known
        bare = partial(app.driver.execute, ("PING",))
        rounds = []
        for _ in range(20):
            pairs = [(seconds(ping.delay), seconds(bare)) for _ in range(100)]
            call, trip = (sorted(each)[94] * 1000 for each in zip(*pairs, strict=True))
            rounds.append(f"{call:.2f} ms (a bare round trip: {trip:.2f} ms)")
            if call < max(5, 20 * trip):
                break
        print("p95 of delay():", *rounds)
        assert call < max(5, 20 * trip), rounds


def seconds(function):
    """How long one call takes."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


@pytest.mark.parametrize("policy", [{"max_retrys": 3}, 5, ["max_retries"]])
def test_a_retry_policy_that_would_count_for_nothing_is_refused(app, add, policy):
    with pytest.raises(InvalidOption, match="retry_policy"):
        add.apply_async((1, 2), retry_policy=policy)
    assert app.queue(app.conf.task_default_queue).get_waiting_count() == 0
