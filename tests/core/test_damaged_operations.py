"""What another client may have put into fields and keys, met by every operation: it works, or
raises an error of this library that has a name, and another job can still be taken and completed.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from bullrush.core.errors import BullrushError
from bullrush.core.job import FIELDS
from bullrush.core.keys import META_FIELDS, QUEUE_KEYS, SCHEDULE_FIELDS
from tests.support.world import make_world
from tests.support.wrong_arguments import given_to, operations

RUBBISH: tuple[bytes, ...] = (b"", b"rubbish", b"\xff\xfe\x00", b'{"a":', b"[]", b"-3", b"1e999")
OPTIONAL = {"get_next_job": {"lock_duration": 1000}, "clean": {"type": "failed"}}
#: Operations that take everything away come last.
LAST = ("drain", "clean", "obliterate", "remove", "remove_job_scheduler", "take_away")


class Damaged:
    """A queue with a job in every state, which somebody damages."""

    def __init__(self, queue: Any, flows: Any, publisher: Any, stored: Any) -> None:
        self.faces = {"queue": queue, "flows": flows, "publisher": publisher}
        self.queue, self.stored = queue, stored
        self.ids = make_world(queue, flows, stored)

    def jobs(self) -> list[str]:
        """The ids of all jobs."""
        return list(self.ids.values())

    def everything(self, *, of_every_job: bool = False) -> list[str]:
        """Do all that can be done; what went wrong."""
        asked = self.jobs() if of_every_job else [self.ids["active"], self.ids["waiting"]]
        wrong = []
        for face, target in self.faces.items():
            signatures = operations(face)
            for name in sorted(signatures, key=lambda each: (each in LAST, each)):
                given = given_to(name, signatures[name]) | OPTIONAL.get(name, {})
                for call in self.calls(name, given, asked):
                    try:
                        getattr(target, name)(**call)
                    except BullrushError as error:
                        if not str(error):
                            wrong.append(f"{name}: {type(error).__name__} says nothing")
                    except Exception as error:
                        wrong.append(f"{name} of {call}: {type(error).__name__}: {error}")
        return wrong

    def calls(self, name: str, given: dict[str, Any], asked: list[str]) -> list[dict[str, Any]]:
        """An operation of a job is asked of several."""
        if name == "get_flow":
            given = given | {"queue_name": self.queue.name, "job_id": self.ids["parent"]}
        for argument in ("job_id", "parent_id"):
            if argument in given and name != "get_flow":
                return [given | {argument: each} for each in asked]
        if "job" in given:
            found = [self.queue.get_job(each) for each in asked]
            return [given | {"job": job} for job in found if job is not None]
        return [given]

    def is_alive(self) -> None:
        """Another job can be taken and completed."""
        self.queue.resume()
        self.queue.remove_global_concurrency()
        self.queue.remove_global_rate_limit()
        self.queue.remove_rate_limit_key()
        sound = self.queue.add("sound", lifo=True)
        job = self.queue.get_next_job("sound")
        assert job.id == sound.id
        self.queue.move_to_completed(job, 1, "sound")
        assert self.queue.get_state(job.id) == "completed"


@pytest.fixture
def damaged(queue, flows, publisher, stored):
    """A queue to damage."""
    return Damaged(queue, flows, publisher, stored)


GROUPS = [sorted(FIELDS)[first::6] for first in range(6)]


@pytest.mark.parametrize("fields", GROUPS, ids="-".join)
def test_rubbish_in_fields_of_every_job(damaged, fields):
    for number, job_id in enumerate(damaged.jobs()):
        for field in fields:
            rubbish = RUBBISH[number % len(RUBBISH)]
            damaged.stored.run("HSET", damaged.stored.keys.job(job_id), FIELDS[field], rubbish)
    assert damaged.everything(of_every_job=True) == []
    damaged.is_alive()


@pytest.mark.parametrize("rubbish", [b"rubbish", b"-3", b"1e999"], ids=repr)
def test_rubbish_in_every_setting(damaged, rubbish):
    for field in META_FIELDS.values():
        damaged.stored.run("HSET", damaged.stored.keys.meta, field, rubbish)
    assert damaged.everything() == []
    damaged.is_alive()


def test_rubbish_in_a_job_scheduler(damaged):
    definition = f"{damaged.stored.keys.repeat}:s"
    for field, rubbish in itertools.product(SCHEDULE_FIELDS.values(), RUBBISH):
        damaged.stored.run("HSET", definition, field, rubbish)
        assert [each.id for each in damaged.queue.get_job_schedulers()] == ["s"]
        assert damaged.queue.get_job_scheduler("s").id == "s"
    assert damaged.everything() == []
    damaged.is_alive()


@pytest.mark.parametrize("rubbish", RUBBISH, ids=repr)
def test_rubbish_in_an_add_that_waits_for_the_end_of_the_last(queue, stored, rubbish):
    last = {"id": "k", "keep_last_if_active": True}
    queue.add("x", deduplication=last)
    job = queue.get_next_job("mine")
    queue.add("x", 2, deduplication=last)
    waiting = stored.keys.deduplication_next + "k"
    fields = stored.run("HKEYS", waiting)
    assert fields
    for field in fields:
        stored.run("HSET", waiting, field, rubbish)
    queue.move_to_completed(job, 1, "mine")
    assert queue.get_state(job.id) == "completed"
    found = queue.get_next_job("mine")
    if found is not None:
        queue.move_to_failed(found, ValueError("x"), "mine")
    sound = queue.add("x", job_id="sound", lifo=True)
    taken = queue.get_next_job("mine")
    assert taken.id == sound.id
    queue.move_to_completed(taken, 1, "mine")


KEYS = sorted(set(QUEUE_KEYS) - {"deduplication", "deduplication_next"})


@pytest.mark.parametrize("name", KEYS)
def test_a_key_of_another_type(damaged, name):
    key = getattr(damaged.stored.keys, name)
    wrong = ("HSET", key, "a", "b") if name in ("id", "priority_counter") else ("SET", key, "x")
    damaged.stored.run("DEL", key)
    damaged.stored.run(*wrong)
    assert damaged.everything() == []
    damaged.stored.run("DEL", key)
    damaged.is_alive()
