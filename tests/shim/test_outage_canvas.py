"""Workflows and many calls at once while Redis is away."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest

from bullrush import chain, chord, group
from bullrush.canvas import Signature, node
from bullrush.core.drivers.server_binary import ServerProcess
from bullrush.exceptions import ChordError, OperationalError
from bullrush.signals import after_task_publish
from bullrush.worker import make_worker
from tests.support.outage import AWAY, call_through_outages, empty, kill, restart, values_in
from tests.support.silent_proxy import SilentProxy
from tests.support.waiting import wait_until

pytestmark = pytest.mark.row(3)


_TASKS = ("add", "total", "fail", "note")


def with_tasks(app):
    """The application, with some more tasks."""

    @app.task(name="add")
    def add(x, y):
        return x + y

    @app.task(name="total")
    def total(numbers):
        app.ran.append("total")
        return sum(numbers)

    @app.task(name="fail")
    def fail(*args):
        raise ValueError("no")

    @app.task(name="told")
    def told(request_id):
        app.ran.append(request_id)

    return app


@pytest.fixture
def make_with_tasks(make):
    return lambda *args, **settings: with_tasks(make(*args, **settings))


#: Workflows of every kind, by what they are; made of the tasks of an application.
KINDS = {
    "chain": lambda t: chain(t.add.s(1, 2), t.add.s(10), t.add.s(100)),
    "group": lambda t: group(t.add.s(n, 1) for n in range(4)),
    "chord": lambda t: chord([t.add.s(n, n) for n in range(5)], t.total.s()),
    "groups in a row": lambda t: chain(
        t.note.s(1), group(t.add.s(1), t.add.s(2)), group(t.note.s(), t.note.s())
    ),
    "a chord in a chain": lambda t: chain(
        t.add.s(1, 1), group(t.add.s(1), t.add.s(2)), t.total.s(), t.add.s(5)
    ),
    "a chain in a group": lambda t: group(chain(t.add.s(1, 1), t.add.s(1)), t.add.s(3, 3)),
    "chunks": lambda t: t.add.chunks([(n, n) for n in range(6)], 2),
    "immutable steps": lambda t: chain(t.add.si(1, 2), t.add.si(3, 4)),
    "an empty header": lambda t: chord([], t.total.s()),
    "a failed step": lambda t: chain(t.add.s(1, 2), t.fail.s(), t.add.s(3)),
    "a failed member": lambda t: chord([t.add.s(1, 2), t.fail.s()], t.total.s()),
    "a failed first": lambda t: chain(t.fail.s(), group(t.note.s(), t.note.s()), t.total.s()),
    "a failed member and a joint": lambda t: chain(
        group(t.fail.s(), t.note.s(1)), group(t.note.s(), t.note.s()), t.total.s()
    ),
}


def workflow(app, kind):
    return KINDS[kind](SimpleNamespace(**{each: app.tasks[each] for each in _TASKS}))


def ends_of(result):
    """States and values of a result, of its members, and of what came before."""
    if result is None:
        return None
    if hasattr(result, "results"):
        own = [ends_of(each) for each in result.results]
    else:
        error = isinstance(result.result, ChordError)
        own = [result.state, "ChordError" if error else repr(result.result)]
    return [own, ends_of(result.parent)]


@pytest.mark.parametrize("kind", KINDS)
def test_inline_gives_what_workers_would_have_given(make_with_tasks, redis_url, kind):
    usual = make_with_tasks(redis_url, on_broker_down="raise")
    sent = workflow(usual, kind).apply_async()
    with make_worker(usual, pool="threads", concurrency=4):
        found = sent
        while found is not None:
            wait_until(found.ready)
            found = found.parent
        expected = ends_of(sent)
    away = make_with_tasks(AWAY, on_broker_down="inline")
    ran = workflow(away, kind).apply_async()
    assert ends_of(ran) == expected
    assert Counter(map(str, away.ran)) == Counter(map(str, usual.ran))


def test_inline_marks_every_result(make_with_tasks):
    app = make_with_tasks(AWAY, on_broker_down="inline")
    found = workflow(app, "a chord in a chain").apply_async()
    assert found.get() == 12
    while found is not None:
        assert found.ran_inline
        assert all(each.ran_inline for each in getattr(found, "results", ()))
        found = found.parent


def test_inline_keeps_links_and_errbacks(make_with_tasks):
    app = make_with_tasks(AWAY, on_broker_down="inline")
    add, fail, total, told = (app.tasks[each] for each in ("add", "fail", "total", "told"))
    add.s(1, 2).set(link=told.s()).apply_async()
    body = total.s().on_error(told.s())
    result = chord([add.s(1, 2), fail.s()], body).apply_async()
    assert isinstance(result.result, ChordError)
    assert app.ran == [3, result.id]


def test_inline_runs_nothing_of_what_it_cannot_run_as_a_whole(make_with_tasks):
    app = make_with_tasks(AWAY, on_broker_down="inline")
    note = app.tasks["note"]
    later = note.s().set(countdown=60)
    for last in (later, node("in-node", "job"), Signature("unknown", app=app)):
        with pytest.raises(OperationalError):
            chain(note.s(1), last).apply_async()
    assert app.ran == []


def test_a_task_that_raises_makes_the_whole_workflow_raise(make_with_tasks):
    app = make_with_tasks(AWAY, on_broker_down="spool")
    app.task(name="own", on_broker_down="raise")(lambda *args: None)
    with pytest.raises(OperationalError):
        chain(app.tasks["note"].s(1), app.tasks["own"].s()).apply_async()
    assert app.outage.spool.counts()["waiting"] == 0


def test_one_that_runs_inline_is_kept_with_others_that_are(make_with_tasks):
    app = make_with_tasks(AWAY, on_broker_down="inline")
    app.task(name="own", on_broker_down="spool")(lambda *args: None)
    result = chain(app.tasks["note"].s(1), app.tasks["own"].s()).apply_async()
    assert app.outage.spool.counts()["waiting"] == 1
    assert not result.ran_inline


@pytest.mark.parametrize("kind", [each for each in KINDS if each != "an empty header"])
def test_a_kept_workflow_is_one_entry_and_ends_as_ever(make_with_tasks, redis_url, kind):
    away = make_with_tasks(AWAY)
    result = workflow(away, kind).apply_async()
    assert away.outage.spool.counts()["waiting"] == 1
    usual = make_with_tasks(redis_url, on_broker_down="raise")
    assert usual.outage.replay() == 0
    expected = workflow(usual, kind).apply_async()
    with make_worker(usual, pool="threads", concurrency=4):
        wait_until(expected.ready)
        for one, other in zip(members_of(result), members_of(expected), strict=True):
            found = usual.AsyncResult(one.id)
            wait_until(found.ready)
            assert found.state == other.state


def members_of(result):
    return getattr(result, "results", [result])


@pytest.mark.timeout(120)
def test_no_part_of_a_workflow_is_lost_or_doubled_when_redis_is_killed(make_with_tasks, tmp_path):
    """Four threads send chords all the time; Redis dies hard and comes back twice."""
    kept = tmp_path / "redis"
    kept.mkdir()
    with ServerProcess(keep_in=kept) as server:
        app = make_with_tasks(server.url)
        note, total, firsts = app.tasks["note"], app.tasks["total"], []

        def call(thread, number):
            first = thread * 1_000_000 + number * 10
            firsts.append(first)
            chord([note.s(first), note.s(first + 1), note.s(first + 2)], total.s())()

        call_through_outages(server, app, call, before=50, during=20)
        queue = app.queue("celery")
        with make_worker(app, pool="threads", concurrency=4):
            goal = 4 * len(firsts)
            wait_until(lambda: queue.get_job_counts("completed")["completed"] >= goal, 60)
        counts = queue.get_job_counts()
    assert counts.pop("completed") == goal
    assert not any(counts.values())
    leaves = Counter(value for value in app.ran if value != "total")
    assert leaves == Counter(first + n for first in firsts for n in range(3))
    assert app.ran.count("total") == len(firsts)


def test_a_workflow_whose_answer_was_lost_is_not_planted_again(make_with_tasks, redis_url):
    target = redis_url.rpartition(":")[2].partition("/")[0]
    here = make_with_tasks(redis_url, on_broker_down="raise", task_ignore_result=True)
    with SilentProxy("127.0.0.1", int(target)) as proxy:
        settings = {"task_ignore_result": True}
        app = make_with_tasks(f"{proxy.url}?socket_timeout=0.5", **settings)
        note = app.tasks["note"]
        note.delay("before")
        proxy.lose_answers()
        chain(note.si(1), note.si(2)).apply_async()
        proxy.close()
        chain(note.si(3), note.si(4)).apply_async()
    queue = here.queue("celery")
    with make_worker(here, pool="threads", concurrency=1):
        wait_until(lambda: len(here.ran) == 3 and not sum(queue.get_job_counts().values()))
        queue.trim_events(0)
        assert here.outage.replay() == 0
        wait_until(lambda: len(here.ran) >= 5 and not sum(queue.get_job_counts().values()))
    assert here.ran == ["before", 1, 2, 3, 4]


def test_many_calls_are_kept_in_their_order(make, redis_url):
    away = make(AWAY)
    results = away.tasks["note"].delay_many(range(250))
    assert len({each.id for each in results}) == 250
    assert away.outage.spool.counts()["waiting"] == 3, "a hundred in an entry"
    app = make(redis_url)
    app.tasks["note"].delay_many([250])
    wait_until(lambda: empty(app))
    assert values_in(app.queue("celery")) == list(range(251))


@pytest.mark.parametrize("policy", ["spool", "inline"])
def test_what_of_many_calls_did_not_get_there_falls_back(make, tmp_path, policy):
    """Redis dies after the first hundred."""
    kept = tmp_path / "redis"
    kept.mkdir()
    with ServerProcess(keep_in=kept) as server:
        app = make(server.url, on_broker_down=policy)

        def die(**_):
            if server._process.poll() is None:
                kill(server)

        after_task_publish.connect(die, sender="note")
        try:
            results = app.tasks["note"].delay_many(range(250))
        finally:
            after_task_publish.disconnect(die, sender="note")
        assert [each.ran_inline for each in results].count(True) == len(app.ran)
        restart(server)
        wait_until(lambda: empty(app), 30)
        assert sorted([*values_in(app.queue("celery")), *app.ran]) == list(range(250))
        assert len(app.ran) == (150 if policy == "inline" else 0)


def test_many_calls_take_a_round_trip_for_a_hundred(make, redis_url):
    app = make(redis_url)
    note, queue = app.tasks["note"], app.queue("celery")
    note.delay_many(range(2))
    before = commands(queue.driver)
    note.delay_many(range(1000))
    assert commands(queue.driver) - before == 10
    assert queue.get_job_counts("waiting") == {"waiting": 1002}


def commands(driver):
    """How many scripts the server has run."""
    stats = driver.execute(("INFO", "commandstats")).decode()
    line = next(each for each in stats.splitlines() if each.startswith("cmdstat_evalsha:"))
    return int(line.partition("calls=")[2].partition(",")[0])
