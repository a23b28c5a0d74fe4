"""The results of several tasks."""

from __future__ import annotations

import json
import pickle
import threading

import pytest

from bullrush.core.keys import celery_group_key
from bullrush.exceptions import TimeoutError
from bullrush.result import EagerResult, GroupResult, ResultSet
from tests.support.waiting import wait_until


@pytest.fixture
def mixed(app, start, echo, fail):
    """Returned, failed, returned; all have ended."""
    start()
    group = app.GroupResult("mixed", [echo.delay(1), fail.delay("boom"), echo.delay(2)])
    wait_until(group.ready)
    return group


def test_values_come_in_the_order_of_the_group(app, start, echo):
    slow = echo.apply_async(("slow",), countdown=0.3)
    group = app.GroupResult("g", [slow, echo.delay("a"), echo.delay("b")])
    start()
    assert group.get(timeout=10) == ["slow", "a", "b"]
    assert group.join(timeout=10) == group.join_native(timeout=10) == ["slow", "a", "b"]
    assert (group.ready(), group.successful(), group.failed(), group.waiting()) == (
        True,
        True,
        False,
        False,
    )


def test_the_first_failure_is_raised(mixed):
    for wait in (mixed.get, mixed.join, mixed.join_native):
        with pytest.raises(ValueError, match="boom"):
            wait(timeout=10)
    with pytest.raises(ValueError, match="boom"):
        mixed.maybe_throw()
    values = mixed.get(timeout=10, propagate=False)
    assert (values[0], values[1].args, values[2]) == (1, ("boom",), 2)
    assert (mixed.completed_count(), mixed.successful(), mixed.failed()) == (2, False, True)


def test_a_failure_is_raised_though_others_have_not_ended(app, start, echo, fail):
    start()
    group = app.GroupResult("g", [echo.apply_async(countdown=100), fail.delay("boom")])
    with pytest.raises(ValueError, match="boom"):
        group.get(timeout=10)
    with pytest.raises(TimeoutError):
        group.join(timeout=0)
    assert (group.ready(), group.waiting(), group.completed_count()) == (False, True, 0)


def test_callbacks_get_each_value_and_the_list_is_left_out(app, start, echo):
    start()
    group = app.GroupResult("g", [echo.delay(1), echo.delay(2)])
    got = []
    assert group.join(timeout=10, callback=lambda *args: got.append(args)) == []
    assert got == [(group[0].id, 1), (group[1].id, 2)]
    got.clear()
    assert group.get(timeout=10, callback=lambda *args: got.append(args)) is None
    assert got == [(group[0].id, 1), (group[1].id, 2)]


def test_iterating_gives_each_meta_as_it_ends(app, start, echo):
    group = app.GroupResult("g", [echo.apply_async((1,), countdown=0.3), echo.delay(2)])
    start()
    came = list(group.iter_native(timeout=10))
    assert [task_id for task_id, _ in came] == [group[1].id, group[0].id]
    assert [(meta["status"], meta["result"]) for _, meta in came] == [
        ("SUCCESS", 2),
        ("SUCCESS", 1),
    ]


def test_an_empty_set_is_ready_and_has_no_values(app):
    for empty in (app.GroupResult("g", []), app.ResultSet([])):
        assert (empty.get(), empty.join(), empty.ready(), empty.successful(), empty.failed()) == (
            [],
            [],
            True,
            True,
            False,
        )
    assert bool(app.GroupResult("g", [])) is True
    assert bool(app.ResultSet([])) is False
    assert bool(app.GroupResult()) is False


def test_groups_within_groups_give_lists_within_lists(app, start, echo):
    start()
    inner = app.GroupResult("inner", [echo.delay(1), echo.delay(2)])
    outer = app.GroupResult("outer", [inner, echo.delay(3), EagerResult("e", 4, "SUCCESS")])
    assert outer.get(timeout=10) == [[1, 2], 3, 4]
    assert outer.completed_count() == 4


def test_a_saved_group_is_restored_by_its_id_and_stands_where_celery_has_it(app, start, echo):
    start()
    parent = echo.delay(0)
    group = app.GroupResult("saved", [echo.delay(1), echo.delay(2)], parent=parent)
    assert group.save() is group
    stored = json.loads(app.driver.execute(("GET", celery_group_key("saved"))))
    ids = [[[each.id, None], None] for each in group]
    assert stored == {"result": [["saved", [[parent.id, None], None]], ids]}
    assert app.driver.execute(("TTL", celery_group_key("saved"))) > 0
    back = GroupResult.restore("saved", app=app)
    assert (back == group, back.parent == parent, back.get(timeout=10)) == (True, True, [1, 2])
    assert app.GroupResult.restore("saved") == group
    back.delete()
    assert app.GroupResult.restore("saved") is None


def test_groups_are_equal_by_id_members_and_parent(app):
    one, two = app.AsyncResult("1"), app.AsyncResult("2")
    group = app.GroupResult("g", [one, two])
    assert group == app.GroupResult("g", [one, two])
    assert group != app.GroupResult("g", [one])
    assert group != app.GroupResult("g", [one, two], parent=app.AsyncResult("p"))
    assert group == "g"
    assert (str(group), repr(group), len(group), group[1], list(group)) == (
        "g",
        "<GroupResult: g [1, 2]>",
        2,
        two,
        [one, two],
    )
    assert group.children is group.results
    app.set_current()
    assert pickle.loads(pickle.dumps(group)) == group


def test_a_set_takes_and_gives_up_results(app):
    one, two = app.AsyncResult("1"), app.AsyncResult("2")
    results = ResultSet([one], app=app)
    results.add(two)
    results.add(two)
    assert results.results == [one, two]
    results.remove("1")
    with pytest.raises(KeyError):
        results.remove(one)
    results.discard(one)
    results.update([one, two, one])
    assert (results.results, repr(results)) == ([two, one], "<ResultSet: [2, 1]>")
    results.clear()
    assert len(results) == 0
    with pytest.raises(TypeError):
        hash(results)


def test_then_waits_for_the_last(app, start, echo):
    group = app.GroupResult("g", [echo.delay(1), echo.apply_async((2,), countdown=0.2)])
    got, done = [], threading.Event()

    def note(result):
        got.append(result.get())
        done.set()

    group.then(note)
    start()
    assert done.wait(10)
    assert got == [[1, 2]]


def test_forget_takes_all_away(app, start, echo):
    start()
    group = app.GroupResult("g", [echo.delay(1), echo.delay(2)])
    group.get(timeout=10)
    group.forget()
    assert [app.AsyncResult(each.id).state for each in group] == ["PENDING", "PENDING"]
