"""A task that is replaced keeps its id: what a request, events and results tell of it."""

from __future__ import annotations

import pytest

from bullrush.canvas import chain, chord, group
from tests.support.waiting import wait_until

from .conftest import PATIENCE


@pytest.fixture
def who(app):
    """A task that tells of its request."""

    @app.task(bind=True)
    def who(self, *args):
        request = self.request
        place = [request.group, request.group_index, request.retries, request.headers]
        nesting = request.replaced_task_nesting
        return [request.id, request.root_id, request.parent_id, nesting, *place]

    return who


@pytest.fixture
def replaced_by(app):
    """Makes a task that is replaced by what a function gives."""

    def replaced_by(make, **options):
        @app.task(bind=True, **options)
        def replaced(self, *args):
            raise self.replace(make())

        return replaced

    return replaced_by


def test_a_replacement_has_the_id_and_the_root_of_the_task(who, replaced_by, start):
    start()
    result = replaced_by(who.s).delay()
    own = result.id
    assert result.get(timeout=PATIENCE) == [own, own, own, 1, None, None, 0, None]
    assert (result.name, result.args) == (who.name, [])


def test_only_the_last_step_of_a_chain_has_the_id(app, who, replaced_by, tasks, start):
    @app.task
    def both(value):
        return [value, both.request.id, both.request.parent_id]

    start()
    result = replaced_by(lambda: chain(who.s(), both.s())).delay()
    first, last, parent = result.get(timeout=PATIENCE)
    assert last == result.id
    assert first[:4] == [parent, result.id, result.id, 1]


@pytest.mark.parametrize("make", [lambda who: group(who.s(), who.s()), lambda who: [who.s()]])
def test_the_members_of_a_replacement_are_a_group_of_their_own(
    make, who, tasks, replaced_by, start
):
    start()
    found = make(who)
    body = found if isinstance(found, group) else chord(found, tasks.same.s())
    result = replaced_by(lambda: body).delay()
    members = result.get(timeout=PATIENCE)
    assert {each[4] for each in members} - {None, result.id}
    assert [each[5] for each in members] == list(range(len(members)))
    assert {(each[1], each[2]) for each in members} == {(result.id, result.id)}


def test_a_replacement_stays_a_member_of_the_chord(who, tasks, replaced_by, start):
    start()
    result = chord([replaced_by(who.s).s(), who.s()])(tasks.same.s())
    first, second = result.get(timeout=PATIENCE)
    own = result.parent.results[0]
    assert (first[0], first[4:6]) == (own.id, [second[4], 0])
    assert own.get(timeout=PATIENCE) == first


def test_a_replacement_may_be_replaced_again(app, who, start):
    @app.task(bind=True)
    def outer(self, deep):
        deeper = chain(who.si(), outer.si(deep - 1)) if deep else who.s()
        raise self.replace(deeper)

    start()
    result = outer.delay(2)
    found = result.get(timeout=PATIENCE)
    assert (found[0], found[3]) == (result.id, 3)


def test_retries_before_do_not_count_for_the_replacement(app, who, start):
    @app.task(bind=True)
    def twice(self):
        if not self.request.retries:
            raise self.retry(countdown=0)
        raise self.replace(who.s())

    start()
    result = twice.apply_async(headers={"own": 1}, expires=100)
    assert result.get(timeout=PATIENCE)[3:] == [1, None, None, 0, None]


def test_a_replacement_runs_in_its_own_queue(app, who, tasks, replaced_by, start):
    @app.task(bind=True)
    def where(self, *args):
        return [self.request.delivery_info["routing_key"], self.request.id, *args]

    other = f"{app.conf.task_default_queue}-other"
    start(app.conf.task_default_queue, other)
    alone = replaced_by(lambda: where.s().set(queue=other), name="alone").delay()
    assert alone.get(timeout=PATIENCE) == [other, alone.id]
    behind = replaced_by(lambda: tasks.add.s(1, 1) | where.s().set(queue=other), name="behind")
    sent = chain(behind.s(), tasks.same.s()).delay()
    assert sent.get(timeout=PATIENCE) == [other, sent.parent.id, 2]


def test_every_step_of_a_replacement_has_the_errbacks_of_the_task(app, tasks, replaced_by, start):
    called = []

    @app.task
    def errback(request, exc, traceback):
        called.append((request.id, repr(exc)))

    start()
    result = replaced_by(lambda: tasks.boom.s() | tasks.same.s()).apply_async(
        link_error=errback.s()
    )
    with pytest.raises(ValueError, match="boom"):
        result.get(timeout=PATIENCE)
    wait_until(lambda: called)
    ((failed, error),) = called
    assert error == "ValueError('boom')"
    assert failed != result.id


def test_the_links_of_a_replacement_come_beside_those_of_the_task(tasks, replaced_by, start):
    start()
    replacement = tasks.add.s(1, 2).set(link=tasks.note.s("own"))
    result = replaced_by(lambda: replacement).apply_async(link=tasks.note.s("its"))
    assert result.get(timeout=PATIENCE) == 3
    assert len(result.children) == 2
    for each in result.children:
        each.get(timeout=PATIENCE)
    assert sorted(tasks.seen) == [[3, "its"], [3, "own"]]


def test_the_last_step_of_a_replacement_may_be_extended(app, tasks, start):
    seen = []

    class Telling(app.Task):
        def on_replace(self, sig):
            seen.append((sig.task, self.request.id))
            return super().on_replace(sig)

    @app.task(bind=True, base=Telling)
    def work(self):
        return self.replace(tasks.add.s(1, 2))

    start()
    result = work.delay()
    assert result.get(timeout=10) == 3
    assert seen == [(tasks.add.name, result.id)]
    assert work.apply().get() == 3
