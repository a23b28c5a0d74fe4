"""Links, results that lead back, and changes from inside."""

from __future__ import annotations

import json

import pytest

from bullrush.canvas import chain, chord, group, signature
from bullrush.exceptions import ImproperlyConfigured, NotRegistered
from bullrush.result import result_from_tuple

from .conftest import PATIENCE


def test_a_link_gets_the_result_before_its_own_arguments(tasks, start):
    start()
    result = tasks.add.apply_async((1, 2), link=tasks.note.s("more"))
    assert tasks.noted.wait(PATIENCE)
    assert tasks.seen == [[3, "more"]]
    assert result.get(timeout=PATIENCE) == 3


def test_an_immutable_link_gets_nothing(tasks, start):
    start()
    tasks.add.apply_async((1, 2), link=[tasks.note.si("alone")])
    assert tasks.noted.wait(PATIENCE)
    assert tasks.seen == [["alone"]]


def test_a_link_may_be_a_whole_workflow(tasks, start):
    start()
    tasks.add.apply_async((1, 2), link=chain(tasks.add.s(1), tasks.note.s()))
    assert tasks.noted.wait(PATIENCE)
    assert tasks.seen == [[4]]


def test_a_failed_task_sends_no_link(tasks, start):
    start()
    result = tasks.boom.apply_async(link=tasks.note.s())
    assert isinstance(result.get(timeout=PATIENCE, propagate=False), ValueError)
    assert tasks.add.delay(1, 1).get(timeout=PATIENCE) == 2
    assert tasks.seen == []


def test_the_link_of_a_chain_follows_its_last_step(tasks, start):
    start()
    chain(tasks.add.s(1, 1), tasks.add.s(1)).apply_async(link=tasks.note.s())
    assert tasks.noted.wait(PATIENCE)
    assert tasks.seen == [[3]]


def test_results_lead_back_to_the_steps_before(tasks, start):
    start()
    result = chain(
        tasks.add.s(1, 1), group(tasks.add.s(1), tasks.add.s(2)), tasks.total.s()
    ).delay()
    assert result.get(timeout=PATIENCE) == 7
    assert [each.get(timeout=PATIENCE) for each in result.parent.results] == [3, 4]
    assert result.parent.parent.get(timeout=PATIENCE) == 2
    assert result.parent.parent.parent is None


def test_the_ids_of_a_chain_are_fixed_when_it_is_sent(tasks, start):
    result = chain(tasks.whoami.s(), tasks.whoami.s()).apply_async(task_id="the-last")
    start()
    assert result.id == "the-last"
    (first_run,), last_run = [result.get(timeout=PATIENCE)[:1], result.get(timeout=PATIENCE)]
    first = result.parent.get(timeout=PATIENCE)
    assert first_run == "the-last"
    assert first[0] == result.parent.id
    assert last_run[1:3] == [first[0], first[0]]


def test_a_frozen_signature_keeps_its_id(tasks, start):
    start()
    found = tasks.add.s(1, 1)
    frozen = found.freeze()
    assert found.delay().id == frozen.id == found.id
    assert frozen.get(timeout=PATIENCE) == 2


def test_an_unregistered_name_is_sent_all_the_same(app, tasks):
    found = signature("elsewhere.task", args=(1,), app=app) | tasks.add.s(1)
    result = found.delay()
    assert app.queue(app.conf.task_default_queue).get_job(result.parent.id).name == "elsewhere.task"


@pytest.mark.parametrize(
    ("replacement", "expected"),
    [
        (lambda t: t.add.s(1, 2), 3),
        (lambda t: chain(t.add.s(1, 2), t.add.s(3)), 6),
        (lambda t: group(t.add.s(1, 2), t.add.s(3, 4)), [3, 7]),
        (lambda t: chord([t.add.s(1, 2), t.add.s(3, 4)], t.total.s()), 10),
        (lambda t: t.add.s(1, 1) | group(t.add.s(1), t.add.s(2)), [3, 4]),
    ],
)
def test_a_replaced_task_keeps_its_id_and_what_follows(replacement, expected, app, tasks, start):
    @app.task(bind=True)
    def replaced(self):
        raise self.replace(replacement(tasks))

    start()
    assert replaced.delay().get(timeout=PATIENCE) == expected
    assert chain(replaced.s(), tasks.same.s()).delay().get(timeout=PATIENCE) == expected
    assert chord([replaced.s(), tasks.add.s(1, 1)], tasks.same.s()).delay().get(
        timeout=PATIENCE
    ) == [expected, 2]


def test_a_replacement_that_fails_fails_the_task(app, tasks, start):
    @app.task(bind=True)
    def replaced(self):
        raise self.replace(tasks.boom.s())

    start()
    result = chain(replaced.s(), tasks.same.s()).delay()
    with pytest.raises(ValueError, match="boom"):
        result.get(timeout=PATIENCE)


def test_a_task_cannot_be_replaced_by_an_empty_chain(app, start):
    @app.task(bind=True)
    def replaced(self):
        raise self.replace(chain())

    start()
    with pytest.raises(ImproperlyConfigured):
        replaced.delay().get(timeout=PATIENCE)


def test_a_task_added_to_a_chord_counts_for_its_body(app, tasks, start):
    @app.task(bind=True)
    def adding(self):
        self.add_to_chord(tasks.add.s(50, 50))
        return 1

    start()
    result = chord([adding.s(), tasks.add.s(1, 1)], tasks.same.s()).delay()
    assert result.get(timeout=PATIENCE) == [100, 1, 2]


def test_outside_of_a_chord_nothing_can_be_added(app, tasks, start):
    @app.task(bind=True)
    def adding(self):
        self.add_to_chord(tasks.add.s(50, 50))

    start()
    with pytest.raises(ValueError, match="not member of any chord"):
        adding.delay().get(timeout=PATIENCE)


def test_members_of_ignored_results_still_give_their_values_to_the_body(app, tasks, start):
    @app.task(ignore_result=True)
    def quiet():
        return 5

    start()
    assert chord([quiet.s(), quiet.s()], tasks.total.s()).delay().get(timeout=PATIENCE) == 10


def test_a_workflow_that_was_sent_leaves_the_signature_as_it_was(tasks, start):
    start()
    found = chain(tasks.add.s(1, 1), group(tasks.add.s(1), tasks.add.s(2)), tasks.total.s())
    before = repr(dict(found))
    first, second = found.delay(), found.delay()
    assert first.id != second.id
    assert first.get(timeout=PATIENCE) == second.get(timeout=PATIENCE) == 7
    assert repr(dict(found)) == before


def test_a_countdown_delays_the_first_step_alone(app, tasks):
    result = chain(tasks.add.s(1, 1), tasks.add.s(1)).apply_async(countdown=60)
    queue = app.queue(app.conf.task_default_queue)
    assert queue.get_job(result.parent.id).delay > 50_000
    assert queue.get_job(result.id).delay == 0


def test_the_skew_of_a_group_gives_its_members_countdowns(app, tasks):
    result = group(tasks.add.s(1, 1), tasks.add.s(2, 2)).skew(start=10, stop=30, step=10).delay()
    queue = app.queue(app.conf.task_default_queue)
    delays = [round(queue.get_job(each.id).delay / 10_000) for each in result.results]
    assert delays == [1, 2]


def test_the_builtin_tasks_are_registered(app):
    names = "accumulate backend_cleanup chain chord chord_unlock chunks group map starmap"
    assert {f"celery.{each}" for each in names.split()} <= set(app.tasks)


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda t: t.double.chunks([(1,), (2,), (3,)], 2), [[2, 4], [6]]),
        (lambda t: chord([t.double.s(1), t.double.s(2)], t.total.s()), 6),
    ],
)
def test_a_beat_may_send_chunks_and_a_chord_by_their_names(make, wanted, app, tasks, start):
    start()
    written = make(tasks)
    sent = app.send_task(written.task, kwargs=json.loads(json.dumps(written.kwargs)))
    below = result_from_tuple(sent.get(timeout=PATIENCE), app)
    assert below.get(timeout=PATIENCE) == wanted


def test_a_map_of_an_unknown_task_says_so(app, tasks, start):
    start()
    sent = app.send_task("celery.map", kwargs={"task": signature("nobody"), "it": [1]})
    with pytest.raises(NotRegistered, match="nobody"):
        sent.get(timeout=PATIENCE)


def test_workflows_sent_by_a_task_are_its_children(app, tasks, start):
    @app.task(bind=True)
    def sends(self):
        sent = (tasks.add.s(1, 1) | tasks.add.s(1)).delay()
        return [sent.id, [each.id for each in self.request.children]]

    start()
    inner, children = sends.delay().get(timeout=PATIENCE)
    assert children == [inner]


def test_a_chain_can_be_walked_from_its_first_step(app, tasks, start):
    start()
    last = chain(tasks.add.s(1, 2), tasks.add.s(4), tasks.add.s(8)).delay()
    assert last.get(timeout=PATIENCE) == 15
    first = app.AsyncResult(last.parent.parent.id)
    assert [each.id for each in first.children] == [last.parent.id]
    assert [value for _, value in first.collect()] == [3, 7, 15]
    assert first.get_leaf() == 15


def test_a_group_that_follows_a_task_is_its_child(app, tasks, start):
    start()
    spread = chain(tasks.add.s(1, 1), group(tasks.add.s(1), tasks.add.s(2))).delay()
    assert spread.get(timeout=PATIENCE) == [3, 4]
    (child,) = spread.parent.children
    assert (child.id, child.get(timeout=PATIENCE)) == (spread.id, [3, 4])
