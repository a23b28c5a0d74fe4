"""Speaking to workers that are up, over both drivers."""

from __future__ import annotations

import asyncio
import threading
import uuid
from functools import partial

import pytest

from bullrush import Celery, signals
from bullrush.exceptions import DuplicateNodenameWarning, TaskRevokedError
from bullrush.worker import state
from bullrush.worker.control import Panel, control_command, inspect_command
from bullrush.worker.request import Request
from tests.support.waiting import wait_until

#: s that an answer may take on a busy machine.
PATIENCE = 10.0


@pytest.fixture
def fleet(app, queue_name):
    """The application, whose workers nobody else speaks to."""
    app.conf.control_exchange = f"fleet-{uuid.uuid4().hex}"
    app.gate, app.started = threading.Event(), []

    @app.task(name="hold")
    def hold(*args):
        app.started.append(args)
        app.gate.wait(30)
        return "held"

    @app.task(name="add")
    def add(x, y):
        return x + y

    return app


@pytest.fixture
def start(fleet, start_hearing):
    """Starts workers that hear commands; all are stopped at the end."""
    yield partial(start_hearing, fleet, concurrency=2, pool="threads")
    fleet.gate.set()


@pytest.fixture
def ask(fleet):
    """Ask one worker: `inspect` that ends with its answer."""
    return fleet.control.inspect(timeout=PATIENCE, limit=1)


def command(app, name, **arguments):
    """The answer of the one worker there is."""
    (answer,) = app.control.broadcast(name, arguments, reply=True, timeout=PATIENCE, limit=1)
    (value,) = answer.values()
    return value


def hold_one(app, *args, **options):
    """A task that runs until the gate opens."""
    result = app.tasks["hold"].apply_async(args, **options)
    wait_until(lambda: args in app.started, timeout=PATIENCE)
    return result


def test_a_worker_whose_slots_are_all_busy_answers(fleet, start, ask):
    start(concurrency=1, hostname="one@test")
    result = hold_one(fleet, 1)
    assert ask.ping() == {"one@test": {"ok": "pong"}}
    assert fleet.control.ping(timeout=PATIENCE, limit=1) == [{"one@test": {"ok": "pong"}}]
    (info,) = ask.active()["one@test"]
    assert (info["id"], info["name"], info["args"]) == (result.id, "hold", [1])
    assert info["hostname"] == "one@test"
    assert info["delivery_info"]["routing_key"] == fleet.conf.task_default_queue
    assert info["worker_pid"] > 0
    assert info["time_start"] > 0
    assert ask.query_task(result.id) == {"one@test": {result.id: ["active", info]}}
    assert ask.query_task("nobody") == {"one@test": {}}


def test_nobody_answers_with_none_and_an_empty_list(fleet):
    assert fleet.control.inspect(timeout=0.2).ping() is None
    assert fleet.control.ping(timeout=0.2) == []
    assert fleet.control.broadcast("ping") is None


def test_a_destination_or_a_pattern_says_who_is_meant(fleet, start):
    for name in ("a@test", "b@test", "c@other"):
        start(hostname=name)
    control = fleet.control
    assert control.inspect(["b@test"], timeout=PATIENCE).ping() == {"b@test": {"ok": "pong"}}
    assert control.inspect("b@test", timeout=PATIENCE).ping() == {"ok": "pong"}
    some = control.inspect(pattern="*@test", timeout=PATIENCE, limit=2).ping()
    assert sorted(some) == ["a@test", "b@test"]
    some = control.inspect(pattern=r"^[ac]@", matcher="pcre", timeout=PATIENCE, limit=2).ping()
    assert sorted(some) == ["a@test", "c@other"]
    seen = []
    control.broadcast("ping", reply=True, timeout=PATIENCE, limit=3, callback=seen.append)
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"matcher": "sql"}, "glob, pcre"),
        ({"pattern": "(", "matcher": "pcre"}, "no regular expression"),
        ({"destination": [1]}, "names of workers"),
    ],
)
def test_a_target_that_cannot_be_is_refused_where_it_is_given(fleet, options, words):
    with pytest.raises(ValueError, match=words):
        fleet.control.broadcast("ping", **options)


def test_two_workers_of_one_name_are_warned_of(fleet, start):
    start(hostname="same@test")
    start(hostname="same@test")
    with pytest.warns(DuplicateNodenameWarning, match="same@test"):
        fleet.control.inspect(timeout=PATIENCE, limit=2).ping()


def test_a_worker_describes_itself(fleet, start, ask):
    fleet.tasks["add"].rate_limit = "10/s"
    start(hostname="one@test", concurrency=2)
    assert fleet.tasks["add"].delay(1, 2).get(timeout=PATIENCE) == 3
    later = fleet.tasks["add"].apply_async((1, 2), countdown=600)
    assert {"add [rate_limit=10/s]", "hold"} <= set(ask.registered()["one@test"])
    assert {"add [name=add]", "hold [name=hold]"} <= set(ask.registered("name")["one@test"])
    (waiting,) = ask.scheduled()["one@test"]
    assert waiting["request"]["id"] == later.id
    assert waiting["eta"]
    assert ask.query_task(later.id, "no-id") == {
        "one@test": {later.id: ["scheduled", waiting["request"]]}
    }
    assert ask.reserved() == {"one@test": []}
    wait_until(lambda: ask.stats()["one@test"]["total"] == {"add": 1}, timeout=PATIENCE)
    figures = ask.stats()["one@test"]
    assert figures["pool"]["max-concurrency"] == 2
    assert {"pid", "clock", "uptime", "broker", "prefetch_count", "rusage"} <= set(figures)
    assert figures["pool"]["writes"] == {
        "total": 1,
        "strategy": "fair",
        "inqueues": {"total": 2, "active": 0},
    }
    assert {"connect_timeout", "transport_options", "heartbeat"} <= set(figures["broker"])
    (queue,) = ask.active_queues()["one@test"]
    assert queue["name"] == queue["exchange"]["name"] == fleet.conf.task_default_queue
    assert (queue["alias"], queue["queue_arguments"]) == (None, None)
    assert ask.conf()["one@test"]["control_exchange"] == fleet.conf.control_exchange
    assert "task_serializer" in ask.conf(with_defaults=True)["one@test"]
    assert "software" in ask.report()["one@test"]["ok"]
    assert ask.clock()["one@test"]["clock"] > 0
    assert ask.memsample()["one@test"]
    assert ask.memdump()["one@test"]
    assert ask.hello("two@test")["one@test"]["revoked"] == []


def test_what_is_not_there_says_so(fleet, start):
    start(hostname="one@test")
    with pytest.raises(NotImplementedError, match="objgraph"):
        fleet.control.inspect().objgraph()
    with pytest.raises(NotImplementedError, match="election"):
        fleet.control.election("id", "topic")
    assert command(fleet, "nothing") == {"error": "KeyError('nothing')"}
    assert "election" in command(fleet, "election")["error"]
    assert command(fleet, "pool_restart") == {"error": "ValueError('Pool restarts not enabled')"}
    assert command(fleet, "autoscale", max=3, min=1) == {
        "error": "ValueError('Autoscale not enabled')"
    }


def test_a_running_task_that_is_terminated_is_revoked(fleet, start):
    start(hostname="one@test", pool="asyncio")

    @fleet.task(name="forever")
    async def forever():
        fleet.started.append("forever")
        await asyncio.Event().wait()

    result = forever.delay()
    wait_until(lambda: "forever" in fleet.started, timeout=PATIENCE)
    answer = fleet.control.terminate(result.id, reply=True, timeout=PATIENCE, limit=1)
    assert answer == [{"one@test": {"ok": f"terminate: { {result.id}!r}"}}]
    with pytest.raises(TaskRevokedError, match="terminated"):
        result.get(timeout=PATIENCE)
    assert result.state == "REVOKED"
    assert command(fleet, "revoke", task_id="nobody", terminate=True) == {
        "ok": "terminate: tasks unknown"
    }
    assert "SIGFOO" in command(fleet, "revoke", task_id="x", terminate=True, signal="FOO")["error"]


def test_a_task_that_waits_is_revoked_at_once_without_a_worker(fleet):
    results = [fleet.tasks["add"].apply_async((1, 1), countdown=n) for n in (0, 600)]
    fleet.control.revoke([result.id for result in results])
    assert [result.state for result in results] == ["REVOKED", "REVOKED"]
    with pytest.raises(TaskRevokedError, match="revoked"):
        results[0].get(timeout=PATIENCE)


@pytest.mark.parametrize("there", ["before", "after"])
def test_one_worker_tells_of_a_task_that_was_revoked_while_it_waited(
    there, fleet, start, monkeypatch
):
    told = []
    monkeypatch.setattr(signals.task_revoked, "receivers", ())
    signals.task_revoked.connect(
        lambda sender, request, **how: told.append((sender.name, request.id, how)), weak=False
    )
    workers = [start(), start()] if there == "before" else []
    result = fleet.tasks["add"].apply_async((1, 1), countdown=600)
    fleet.control.revoke(result.id)
    assert result.state == "REVOKED"
    workers = workers or [start(), start()]
    fleet.control.ping(timeout=PATIENCE, limit=2)
    wait_until(lambda: told, timeout=PATIENCE)
    how = {"terminated": False, "signum": None, "expired": False, "signal": signals.task_revoked}
    assert told == [("add", result.id, how)]


def test_a_revoked_id_is_remembered_by_workers_that_start_later(fleet, start, ask, caplog):
    caplog.set_level("INFO", "celery.worker.control")
    first, second = uuid.uuid4().hex, uuid.uuid4().hex
    fleet.control.revoke(first)
    start(hostname="one@test")
    assert ask.revoked() == {"one@test": [first]}
    answer = fleet.control.revoke(second, reply=True, timeout=PATIENCE, limit=1)
    assert answer == [{"one@test": {"ok": f"tasks { {second}!r} flagged as revoked"}}]
    assert second in state.revoked
    assert f"Tasks flagged as revoked: {second}" in caplog.messages
    for task_id in (first, second):
        result = fleet.tasks["hold"].apply_async((task_id,), task_id=task_id)
        with pytest.raises(TaskRevokedError, match="revoked"):
            result.get(timeout=PATIENCE)
    assert fleet.started == []
    assert fleet.tasks["add"].delay(1, 2).get(timeout=PATIENCE) == 3


def test_a_finished_task_keeps_its_result_when_it_is_revoked(fleet, start):
    start()
    result = fleet.tasks["add"].delay(1, 2)
    assert result.get(timeout=PATIENCE) == 3
    result.revoke()
    assert result.state == "SUCCESS"


def test_workers_ask_for_no_job_until_something_was_revoked(fleet, start):
    worker = start(hostname="one@test")
    fleet.control.ping(timeout=PATIENCE, limit=1)
    assert worker.veto is None
    command(fleet, "revoke", task_id="some")
    assert worker.veto is not None


@pytest.mark.parametrize("beside", ["plain", "batches"])
def test_rates_and_limits_change_while_a_worker_runs(fleet, start, beside):
    if beside == "batches":
        fleet.task(name="gathered", batch=2)(lambda items: [None] * len(items))
    start(hostname="one@test")
    hits = []

    @fleet.task(name="hit")
    def hit():
        hits.append(1)

    ok = command(fleet, "rate_limit", task_name="hit", rate_limit="1/h")
    assert ok == {"ok": "new rate limit set successfully"}
    for _ in range(3):
        hit.delay()
    queue = fleet.queue(fleet.conf.task_default_queue)
    wait_until(lambda: queue.get_delayed_count() == 2, timeout=PATIENCE)
    wait_until(lambda: len(hits) == 1, timeout=PATIENCE)
    assert command(fleet, "rate_limit", task_name="no", rate_limit="1/h") == {
        "error": "unknown task"
    }
    wrong = command(fleet, "rate_limit", task_name="hit", rate_limit="often")
    assert wrong["error"].startswith("Invalid rate limit string")
    limits = command(fleet, "time_limit", task_name="hit", soft=5, hard=9)
    assert limits == {"ok": "time limits set successfully"}
    assert (hit.soft_time_limit, hit.time_limit) == (5, 9)
    assert command(fleet, "time_limit", task_name="no", soft=5) == {"error": "unknown task"}


def test_queues_are_added_and_left_while_a_worker_runs(fleet, start, ask, queue_name):
    start(hostname="one@test")
    extra = f"{queue_name}-extra"
    names = lambda: [each["name"] for each in ask.active_queues()["one@test"]]  # noqa: E731
    for _ in range(2):
        assert command(fleet, "add_consumer", queue=extra) == {"ok": f"add consumer {extra}"}
        assert extra in names()
        assert fleet.tasks["add"].apply_async((1, 2), queue=extra).get(timeout=PATIENCE) == 3
        left = command(fleet, "cancel_consumer", queue=extra)
        assert left == {"ok": f"no longer consuming from {extra}"}
        assert names() == [queue_name]
    waits = fleet.tasks["add"].apply_async((1, 2), queue=extra)
    assert fleet.tasks["add"].delay(1, 2).get(timeout=PATIENCE) == 3
    assert waits.state == "PENDING"


def test_a_queue_that_is_added_with_an_exchange_is_reached_by_it(fleet, start, ask, queue_name):
    start(hostname="one@test")
    extra = f"{queue_name}-extra"
    labels = {"exchange": f"{extra}-events", "exchange_type": "topic", "routing_key": "shop.#"}
    fleet.control.add_consumer(extra, **labels, reply=True, timeout=PATIENCE, limit=1)
    (added,) = [each for each in ask.active_queues()["one@test"] if each["name"] == extra]
    assert added["exchange"]["name"] == f"{extra}-events"
    assert (added["exchange"]["type"], added["routing_key"]) == ("topic", "shop.#")
    # The worker is in this process, so that this call is made as its tasks make theirs.
    sent = fleet.tasks["add"].apply_async(
        (1, 2), exchange=f"{extra}-events", routing_key="shop.cut"
    )
    assert (sent.queue, sent.get(timeout=PATIENCE)) == (extra, 3)
    refused = command(fleet, "add_consumer", queue="b", exchange="b", exchange_type="fanout")
    assert "app.control.broadcast()" in refused["error"]


def test_the_number_of_slots_changes_while_a_worker_runs(fleet, start):
    worker = start(concurrency=1)
    assert command(fleet, "pool_grow", n=2) == {"ok": "pool will grow"}
    assert worker.concurrency == 3
    assert command(fleet, "pool_shrink") == {"ok": "pool will shrink"}
    assert worker.concurrency == 2
    assert "at least one" in command(fleet, "pool_shrink", n=2)["error"]


def test_purge_takes_what_waits_and_says_how_much(fleet):
    for n in (0, 0, 600):
        fleet.tasks["add"].apply_async((1, 1), countdown=n)
    assert fleet.control.purge() == 3
    assert fleet.control.discard_all() == 0


def test_a_shutdown_lets_running_tasks_end(fleet, start):
    worker = start(hostname="one@test")
    result = hold_one(fleet, 1)
    fleet.control.shutdown(destination=["one@test"])
    wait_until(lambda: not worker.is_running(), timeout=PATIENCE)
    fleet.gate.set()
    assert result.get(timeout=PATIENCE) == "held"


def test_own_commands_get_the_worker_and_their_arguments(fleet, start):
    start(hostname="one@test")

    @control_command(args=[("n", int)], signature="[N=1]", name="own_grow", alias="og")
    def own_grow(state, n=1):
        """Grow.

        More.
        """
        state.consumer.pool.resize(n)
        return {"ok": [n, state.hostname, state.app.main]}

    @inspect_command()
    def own_look(state):
        raise ValueError(f"not {state.tset([1])}")

    @Panel.register
    def own_plain(state, **kwargs):
        return kwargs

    try:
        assert command(fleet, "og", n=3) == {"ok": [3, "one@test", "proj"]}
        assert command(fleet, "own_look") == {"error": "ValueError('not {1}')"}
        assert command(fleet, "own_plain", a=1) == {"a": 1}
        meta = Panel.meta["own_grow"]
        assert (meta.type, meta.help, meta.signature) == ("control", "Grow.", "[N=1]")
        assert Panel.meta["own_look"].type == "inspect"
    finally:
        for name in ("own_grow", "og", "own_look", "own_plain"):
            Panel.data.pop(name, None)
            Panel.meta.pop(name, None)


def test_what_is_no_command_is_passed_over(fleet, start):
    start(hostname="one@test")
    for text in ("", "[", "[]", '{"method": 3}', '{"method": "ping", "arguments": 5}'):
        fleet.control.fleet.send(text)
    assert command(fleet, "ping") == {"ok": "pong"}


def test_the_state_of_this_process_shows_what_its_workers_do(fleet, start):
    start(concurrency=1)
    result = hold_one(fleet, 1)
    assert result.id in state.active_requests
    assert [each.id for each in state.reserved_requests] == [result.id]
    request = state.requests[result.id]
    assert isinstance(request, Request)
    assert request.name == "hold"
    fleet.gate.set()
    assert result.get(timeout=PATIENCE) == "held"
    wait_until(lambda: state.total_count["hold"] >= 1, timeout=PATIENCE)
    wait_until(lambda: len(state.active_requests) == 0, timeout=PATIENCE)


def test_remote_control_can_be_turned_off(fleet, start):
    fleet.conf.worker_enable_remote_control = False
    start()
    assert fleet.tasks["add"].delay(1, 2).get(timeout=PATIENCE) == 3
    assert fleet.control.ping(timeout=0.2) == []


def test_stamped_tasks_do_not_run_when_their_stamp_is_revoked(fleet, start):
    fleet.control.revoke_by_stamped_headers({"customer": ["evil"]})
    start(hostname="one@test")
    queue = fleet.queue(fleet.conf.task_default_queue)
    stamps = {"stamped_headers": ["customer"], "stamps": {"customer": "evil"}}
    queue.add("add", {"args": [1, 2], "kwargs": {}, "celery": stamps}, job_id="stamped")
    result = fleet.AsyncResult("stamped")
    with pytest.raises(TaskRevokedError):
        result.get(timeout=PATIENCE)
    stamps = {"stamped_headers": ["customer"], "stamps": {"customer": "good"}}
    queue.add("add", {"args": [1, 2], "kwargs": {}, "celery": stamps}, job_id="allowed")
    assert fleet.AsyncResult("allowed").get(timeout=PATIENCE) == 3
    answer = command(fleet, "revoke_by_stamped_headers", headers={"h": "v"})
    assert answer == {"ok": "headers {'h': 'v'} flagged as revoked, but not terminated"}


def test_control_needs_an_application():
    with pytest.raises(ValueError, match="application"):
        type(Celery("x", set_as_current=False).control)()
