"""``self.request``."""

from __future__ import annotations

import os

import pytest

from bullrush import Task
from bullrush.app.task import Context


def test_outside_of_a_run_it_has_defaults(app):
    @app.task(bind=True)
    def look(self):
        return self.request.called_directly, self.request.id

    assert (look.request.id, look.request.retries, look.request.called_directly) == (None, 0, True)
    assert look() == (True, None)


def test_a_run_knows_all_of_its_request(app, start):
    names = ("id", "root_id", "parent_id", "correlation_id", "hostname", "args", "kwargs", "task")
    names += ("called_directly", "is_eager", "headers", "timelimit", "time_limit", "argsrepr")
    names += ("kwargsrepr", "lang", "children", "origin", "team", "delivery_info", "eta", "stamps")

    @app.task(bind=True)
    def look(self, *args, **kwargs):
        return {name: self.request.get(name) for name in names}

    start(hostname="celery@here")
    result = look.apply_async((1,), {"b": 2}, headers={"team": "blue"}, time_limit=9)
    seen = result.get(timeout=10)
    assert seen == {
        "id": result.id,
        "root_id": result.id,
        "parent_id": None,
        "correlation_id": result.id,
        "hostname": "celery@here",
        "args": [1],
        "kwargs": {"b": 2},
        "task": look.name,
        "called_directly": False,
        "is_eager": False,
        "headers": {"team": "blue"},
        "timelimit": [9, None],
        "time_limit": 9,
        "argsrepr": "(1,)",
        "kwargsrepr": "{'b': 2}",
        "lang": "py",
        "children": [],
        "origin": f"gen{os.getpid()}@{os.uname().nodename}",
        "team": "blue",
        "delivery_info": {
            "exchange": "",
            "routing_key": app.conf.task_default_queue,
            "priority": 0,
            "redelivered": False,
        },
        "eta": None,
        "stamps": {},
    }


def test_a_context_is_a_plain_object():
    context = Context({"id": "a", "timelimit": [3, 2]}, foo=1)
    assert (context.time_limit, context.soft_time_limit, context.foo) == (3, 2, 1)
    assert (context.get("foo"), context.get("none", 7)) == (1, 7)
    context.update(foo=2)
    assert context.foo == 2
    context.clear()
    assert context.id is None
    with pytest.raises(AttributeError):
        assert context.foo


def test_a_context_says_how_to_take_its_place():
    context = Context(
        id="i",
        group="g",
        callbacks=[1],
        timelimit=[3, 2],
        headers={"h": 1},
        stamped_headers=["a"],
        stamps={"a": ["x"]},
    )
    options = context.as_execution_options()
    expected = {
        "task_id": "i",
        "group_id": "g",
        "link": [1],
        "link_error": None,
        "time_limit": 3,
        "soft_time_limit": 2,
        "headers": {"h": 1},
        "retries": 0,
        "stamped_headers": ["a"],
        "a": ["x"],
    }
    assert options | expected == options


def test_a_request_can_be_made_up(app):
    @app.task(bind=True)
    def look(self):
        return self.request.id

    look.push_request(id="made-up", called_directly=False)
    try:
        assert look.request.id == "made-up"
        assert look.request_stack.top.id == "made-up"
    finally:
        assert look.pop_request().id == "made-up"
    assert (look.request.id, look.pop_request()) == (None, None)


def test_a_call_of_the_task_by_itself_has_a_request_of_its_own(app, start):
    class Counting(Task):
        def __call__(self, *args, **kwargs):
            return [self.request.id, super().__call__(*args, **kwargs)]

    @app.task(base=Counting, bind=True)
    def look(self, again=True):
        return [self.request.id, look(again=False) if again else None]

    start()
    result = look.delay()
    assert result.get(timeout=10) == [result.id, [result.id, [result.id, [None, None]]]]


def test_arguments_are_shown_as_deep_as_the_settings_say(app, start):
    @app.task(bind=True)
    def shown(self, *args, **kwargs):
        return self.request.argsrepr, self.request.kwargsrepr

    app.conf.task_repr_maxlevels = 1
    start()
    result = shown.delay([[1]], key={"a": 1})
    assert result.get(timeout=10) == ["([...],)", "{'key': {...}}"]


def test_properties_name_the_task_with_properties_of_ones_own_too(app, start):
    @app.task(bind=True)
    def work(self):
        return self.request.properties

    start()
    result = work.apply_async(app_id="shop")
    assert result.get(timeout=10) == {"app_id": "shop", "correlation_id": result.id}


def test_a_request_without_arguments_shows_none(app):
    @app.task
    def work():
        pass

    assert (work.request.argsrepr, work.request.kwargsrepr) == ("()", "{}")


def test_nobody_is_answered_to_unless_the_call_says_so(app, start):
    @app.task(bind=True)
    def work(self):
        return self.request.reply_to

    start()
    assert work.delay().get(timeout=10) is None
    assert work.apply_async(reply_to="me").get(timeout=10) == "me"
