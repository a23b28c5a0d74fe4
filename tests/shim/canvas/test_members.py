"""A member made in the likeness of an earlier one is stored as if it had been made for itself."""

from __future__ import annotations

import datetime
import json

import pytest

from bullrush import chord, group
from bullrush.canvas.members import Members
from bullrush.core.calls import Call, run
from bullrush.core.job import FIELDS

LATER = datetime.datetime(2100, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture
def stored(app):
    """The hash of a job without the moment at which it was added."""
    queue = app.queue(app.conf.task_default_queue)

    def read(job_id):
        reply = run(queue.driver, Call(("HGETALL", queue.keys.job(job_id)), list))
        fields = dict(zip(reply[::2], reply[1::2], strict=True))
        fields.pop(FIELDS["timestamp"].encode())
        return fields

    return read


@pytest.fixture
def canvases(echo):
    """Workflows with members of many kinds, under ids of their own."""

    def members(name):
        ids = [f"{name}-{number}" for number in range(6)]
        found = [echo.s(number).set(task_id=each) for number, each in enumerate(ids)]
        found[2].set(expires=LATER)
        found[4] = echo.si({"deep": ["é", None]}).set(task_id=ids[4])
        found.append(echo.s("an id that is escaped").set(task_id=f"{name}:6"))
        found.append(echo.s(echo.s(1)).set(task_id=f"{name}-7", priority=3))
        found.append(echo.s(8).set(task_id=f"{name}-8", headers={"custom": "yes"}))
        return [*ids, f"{name}-7", f"{name}-8"], found

    def send(name):
        ids, header = members(f"{name}-chord")
        chord(header)(echo.s().set(task_id=f"{name}-body"))
        more, beside = members(f"{name}-group")
        group(beside).apply_async()
        return [*ids, f"{name}-body", *more]

    return send


def comparable(fields, name):
    """Without the name, and without the id that is made for each group."""
    found = {key: value.replace(name.encode(), b"NAME") for key, value in fields.items()}
    data = json.loads(found.pop(FIELDS["data"].encode()))
    data.get("celery", {}).pop("group", None)
    return found, data


def test_members_are_stored_alike_with_and_without_the_shortcut(canvases, stored, monkeypatch):
    quick = canvases("quick")
    monkeypatch.setattr(Members, "like_an_earlier_one", lambda *args: None)
    careful = canvases("careful")
    for one, other in zip(quick, careful, strict=True):
        assert comparable(stored(one), "quick") == comparable(stored(other), "careful")


def test_the_shortcut_is_taken_by_every_member_but_the_first(echo, monkeypatch):
    made = []
    original = Members.like_an_earlier_one

    def counted(self, signature, place):
        found = original(self, signature, place)
        made.append(found is not None)
        return found

    monkeypatch.setattr(Members, "like_an_earlier_one", counted)
    chord(echo.s(number) for number in range(20))(echo.s())
    assert made == [False] + [True] * 19


def test_an_argument_without_a_json_form_is_refused_before_anything_is_written(app, echo):
    queue = app.queue(app.conf.task_default_queue)
    with pytest.raises(TypeError, match="args"):
        chord([echo.s(1), echo.s(2), echo.s(object())])(echo.s())
    assert queue.get_job_counts()["waiting"] == 0
