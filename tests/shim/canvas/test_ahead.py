"""What a step knows of what comes after it, and what becomes of that when it does not run."""

from __future__ import annotations

import threading

import pytest

from bullrush import chain, chord, group, states
from bullrush.canvas import Signature
from bullrush.exceptions import Ignore, TaskRevokedError

from .conftest import PATIENCE
from .test_failures import ended


@pytest.fixture
def look(app):
    """A task that tells what it knows."""

    @app.task(bind=True)
    def look(self, *args):
        return {"chain": self.request.chain, "chord": self.request.chord}

    return look


def names(signatures):
    """The names of the tasks of some signatures."""
    return [each["task"].rpartition(".")[2] for each in signatures]


def test_a_step_knows_the_steps_after_it_the_last_one_first(tasks, look, start):
    start()
    last = chain(look.s(), tasks.same.s(), tasks.note.s(7).set(link=tasks.same.s())).delay()
    first = last.parent.parent.get(timeout=PATIENCE)
    assert names(first["chain"]) == ["note", "same"]
    assert first["chain"][0]["args"] == [7]
    assert [each["options"]["task_id"] for each in first["chain"]] == [last.id, last.parent.id]
    assert names(first["chain"][0]["options"]["link"]) == ["same"]
    assert first["chord"] is None


def test_what_is_no_job_yet_is_among_them(tasks, look, start):
    start()
    last = chain(look.s(), group(tasks.same.s(), tasks.same.s()), tasks.note.s()).delay()
    last.get(timeout=PATIENCE)
    first = last.parent.parent.get(timeout=PATIENCE)
    assert [each["subtask_type"] for each in first["chain"]] == ["chord"]


def test_a_member_of_a_chord_knows_the_body(tasks, look, start):
    start()
    result = chord([look.s(), look.s()], tasks.note.si(1)).delay()
    found = result.parent.results[0].get(timeout=PATIENCE)
    assert found["chain"] is None
    body = found["chord"]
    assert (names([body]), body["args"], body["immutable"]) == (["note"], [1], True)
    assert body["options"]["task_id"] == result.id


def test_a_task_alone_knows_of_nothing(look, start):
    start()
    assert look.delay().get(timeout=PATIENCE) == {"chain": None, "chord": None}


def rest_of(last):
    """How the members of a group at the end of a chain have ended."""
    return [repr(ended(each)) for each in last.results]


def test_what_follows_an_expired_step_ends_too(tasks, start):
    start()
    late = tasks.same.s().set(expires=-5)
    last = chain(tasks.same.s(1), late, group(tasks.note.s(), tasks.note.s())).delay()
    assert rest_of(last) == ["TaskRevokedError('expired')"] * 2
    assert repr(ended(last.parent)) == "TaskRevokedError('expired')"
    assert (last.parent.state, last.results[0].state) == ("REVOKED", "REVOKED")
    assert tasks.seen == []


def assert_never_run(last, why):
    """Whoever waits for it, or for the members that it has, is told why it did not run."""
    for each in getattr(last, "results", [last]):
        error = ended(each)
        assert isinstance(error, TaskRevokedError)
        assert why in str(error)
        assert each.state == states.REVOKED


@pytest.mark.parametrize(
    "make",
    [
        lambda skip, t: chain(skip.s(), t.note.s()),
        lambda skip, t: chain(t.same.s(1), skip.s(), t.note.si("immutable"), t.note.s()),
        lambda skip, t: chord([skip.s(), t.same.s(1)], t.note.s()),
        lambda skip, t: chain(skip.s(), group(t.note.s(), t.note.s())),
        lambda skip, t: chain(skip.s(), chord([t.note.s(), t.note.s()], t.note.s())),
    ],
)
def test_what_follows_a_step_that_raised_ignore_never_runs_and_is_told(make, app, tasks, start):
    @app.task
    def skip(*args):
        raise Ignore

    start()
    last = make(skip, tasks).delay()
    assert_never_run(last, "was ignored")
    assert tasks.seen == []


@pytest.mark.parametrize("empty", [lambda chain: None, lambda chain: chain[:0]])
@pytest.mark.parametrize(
    "make",
    [
        lambda stop, t: chain(stop.s(), t.note.s()),
        lambda stop, t: chain(t.same.s(1), stop.s(), t.note.si("immutable"), t.note.s()),
        lambda stop, t: chain(stop.s(), group(t.note.s(), t.note.s())),
    ],
)
def test_a_task_ends_its_chain_with_a_request_that_has_none(make, empty, app, tasks, start):
    @app.task(bind=True)
    def stop(self, *args):
        self.request.chain = empty(self.request.chain)
        return "enough"

    start()
    last = make(stop, tasks).delay()
    assert_never_run(last, "has ended the chain")
    steps = [last]
    while steps[-1].parent is not None:
        steps.append(steps[-1].parent)
    assert "enough" in [each.get(timeout=PATIENCE, propagate=False) for each in steps[1:]]
    assert tasks.seen == []


def test_a_member_of_a_chord_that_looks_at_its_chain_ends_nothing(look, tasks, start):
    start()
    found = chord([look.s(), tasks.same.s(1)], tasks.same.s()).delay().get(timeout=PATIENCE)
    assert found[0]["chain"] is None


def test_a_task_may_take_its_links_away(app, tasks, start):
    @app.task(bind=True)
    def alone(self):
        self.request.callbacks = None
        return 1

    start(concurrency=1)
    alone.apply_async(link=tasks.note.s("linked")).get(timeout=PATIENCE)
    tasks.note.delay("after").get(timeout=PATIENCE)
    assert tasks.seen == [["after"]]


def test_what_follows_an_unregistered_step_ends_too(app, tasks, start):
    start()
    unknown = Signature("no.such.task", app=app)
    last = chain(tasks.same.s(1), unknown, group(tasks.note.s(), tasks.note.s())).delay()
    assert all("no.such.task" in each for each in rest_of(last))
    assert tasks.seen == []


class TestRevoked:
    def test_what_follows_a_step_that_waits_ends_at_once(self, app, tasks):
        last = chain(tasks.same.s(1), tasks.same.s(), group(tasks.note.s(), tasks.note.s())).delay()
        last.parent.parent.revoke()
        assert last.parent.parent.state == states.REVOKED
        assert last.results[0].state == states.PENDING  # the second step is failed by a worker

    def test_a_step_before_a_group_takes_the_group_with_it(self, app, tasks):
        last = chain(tasks.same.s(1), group(tasks.note.s(), tasks.note.s())).delay()
        last.parent.revoke()
        assert rest_of(last) == ["TaskRevokedError('revoked')"] * 2

    def test_a_later_step_is_revoked_while_the_first_one_runs(self, app, tasks, start):
        begun, may_end = threading.Event(), threading.Event()

        @app.task
        def slow():
            begun.set()
            may_end.wait(PATIENCE)
            return 1

        start()
        last = chain(slow.s(), tasks.note.s(), tasks.note.s()).delay()
        assert begun.wait(PATIENCE)
        last.parent.revoke()
        may_end.set()
        assert repr(ended(last)) == "TaskRevokedError('revoked')"
        assert last.parent.parent.get(timeout=PATIENCE) == 1
        assert (last.parent.state, last.state) == (states.REVOKED, states.REVOKED)
        assert tasks.seen == []

    def test_a_running_step_that_is_terminated_ends_the_chain(self, app, tasks, start):
        begun = threading.Event()

        @app.task
        def endless():
            begun.set()
            while True:
                threading.Event().wait(0.01)

        start()
        last = chain(endless.s(), tasks.note.s(), group(tasks.note.s(), tasks.note.s())).delay()
        assert begun.wait(PATIENCE)
        last.parent.parent.revoke(terminate=True)
        assert rest_of(last) == ["TaskRevokedError('terminated')"] * 2
        assert repr(ended(last.parent)) == "TaskRevokedError('terminated')"
        assert [last.parent.state, last.parent.parent.state] == [states.REVOKED] * 2
        assert tasks.seen == []

    def test_a_member_of_a_chord_fails_the_body(self, app, tasks):
        result = chord([tasks.same.s(1), tasks.same.s(2)], tasks.note.s()).delay()
        result.parent.results[0].revoke()
        assert result.parent.results[0].state == states.REVOKED
        assert result.state == states.PENDING  # until the other member has ended
