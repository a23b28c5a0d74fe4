"""What another client may have put into fields and counters: no job is lost or doubled by it, and
nothing raises but errors of this library that say what is wrong.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from bullrush.core import Completed, Failed, Limiter, Queue, Retried, Returned
from bullrush.core.errors import InvalidInput, JobError, ServerError
from bullrush.core.job import FIELDS
from bullrush.core.keys import META_FIELDS
from tests.support.stored import Stored
from tests.support.trips import Hands

VALUES = ["abc", "", "-5", "1.5", "nan", "1e300", "9" * 30, b"\xff\xfe"]
PLACES = ("wait", "active", "prioritized", "delayed", "completed", "failed")


class Day:
    """A day of a queue: jobs of every kind, and what people and workers do with them."""

    def __init__(self, url: str, name: str) -> None:
        self.queue = Queue(name, url=url)
        self.stored = Stored(self.queue.driver, name)
        self.hands = Hands(self.queue)
        self.ids: list[str] = []

    def morning(self) -> None:
        """Five jobs, in five states."""
        add = self.queue.add
        self.plain, self.late = add("x", attempts=3).id, add("x", delay=60_000).id
        self.high = add("x", priority=3).id
        self.done = add("x", lifo=True).id
        self.hands.commit(self.hands.take()[0], Completed(1))
        self.broken = add("x", lifo=True).id
        self.hands.commit(self.hands.take()[0], Failed("no"))
        self.ids = [self.plain, self.late, self.high, self.done, self.broken]

    def noon(self) -> None:
        """Everything that may be asked of a job."""
        queue = self.queue
        for options in ({}, {"priority": 1}, {"delay": 60_000}):
            self.ids.append(queue.add("new", **options).id)
        self.attempt(queue.change_delay, self.late, 70_000)
        for job_id in self.ids:
            self.attempt(queue.change_priority, job_id, 4)
            self.attempt(queue.change_priority, job_id, 0, lifo=True)
            queue.update_progress(job_id, 1)
            queue.add_log(job_id, "row")
            queue.view(job_id)
        self.attempt(queue.promote, self.late)
        self.attempt(queue.retry_job, self.broken)
        self.attempt(queue.retry_job, self.done, "completed")
        self.read()

    def afternoon(self) -> None:
        """Workers come and go."""
        hands = self.hands
        outcomes = [Retried(5000, "no", "st"), Completed(1), Failed("no"), Returned()]
        limiter = Limiter(5, 60_000)
        for first in (0, 2):
            taken = hands.take(2, limiter=limiter if first else None)
            for delivery, outcome in zip(taken, outcomes[first : first + 2], strict=False):
                assert hands.commit(delivery, outcome) == 0
        for delivery in hands.take():
            self.stored.run("DEL", self.stored.keys.job_part(delivery.job.id, "lock"))
        for _ in range(2):
            hands.sweep()
            self.stored.run("DEL", self.stored.keys.stalled_check)

    def evening(self) -> None:
        """In bulk, and then away with all."""
        queue = self.queue
        queue.retry_jobs()
        queue.retry_jobs("completed")
        queue.promote_jobs()
        self.check()
        for place in PLACES[1:]:
            queue.clean(0, type=place)
        queue.drain(delayed=True)
        queue.obliterate(force=True)
        assert self.stored.all_keys() == set()

    def read(self) -> None:
        """Every getter, and every property of every job."""
        queue = self.queue
        for job in queue.get_jobs():
            for name in dir(type(job)):
                if name != "data" and isinstance(getattr(type(job), name), property):
                    getattr(job, name)
        queue.get_job_counts()
        queue.get_counts_per_priority([0, 1])
        for ask in ("get_meta", "is_maxed", "get_global_concurrency", "get_global_rate_limit"):
            getattr(queue, ask)()
        queue.get_rate_limit_ttl()
        queue.get_rate_limit_ttl(3)

    def check(self) -> None:
        """Every job is in one place."""
        found = Counter(each for place in PLACES for each in self.stored.ids(place))
        assert found == Counter(self.ids)

    def attempt(self, act: Callable[..., Any], *args: Any, **options: Any) -> None:
        """What may be refused, with a name."""
        with contextlib.suppress(JobError, InvalidInput):
            act(*args, **options)


@pytest.fixture
def live(redis_url, queue_name):
    """Lives a day for each of the values, on a queue that is damaged in the morning. On Redis
    alone: it checks more of what it is given than the memory driver.
    """

    def run(damage):
        for number, value in enumerate(VALUES):
            day = Day(redis_url, f"{queue_name}-{number}")
            try:
                day.morning()
                damage(day, value)
                day.noon()
                day.check()
                day.afternoon()
                day.check()
                day.evening()
            except Exception as error:
                raise AssertionError(f"with the value {value!r}: {error}") from error
            finally:
                day.queue.close()

    return run


@pytest.mark.parametrize("field", sorted(set(META_FIELDS) - {"paused"}))
def test_a_damaged_setting_of_the_queue(live, field):
    def damage(day, value):
        day.stored.run("HSET", day.stored.keys.meta, META_FIELDS[field], value)

    live(damage)


@pytest.mark.parametrize("field", ["max", "duration"])
def test_one_damaged_half_of_a_rate_limit(live, field):
    def damage(day, value):
        other = "duration" if field == "max" else "max"
        pairs = (META_FIELDS[field], value, META_FIELDS[other], 1000)
        day.stored.run("HSET", day.stored.keys.meta, *pairs)

    live(damage)


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_a_damaged_field_of_every_job(live, field):
    def damage(day, value):
        for job_id in day.ids:
            day.stored.run("HSET", day.stored.keys.job(job_id), FIELDS[field], value)

    live(damage)


@pytest.mark.parametrize("counter", ["limiter", "priority_counter"])
def test_a_damaged_counter(live, counter):
    def damage(day, value):
        day.stored.run("SET", getattr(day.stored.keys, counter), value)

    live(damage)


def test_a_damaged_counter_of_ids_is_named_and_nothing_is_written(queue, stored):
    queue.add("x")
    stored.run("SET", stored.keys.id, "abc")
    before = stored.all_keys()
    for options in ({}, {"priority": 1}, {"delay": 5}, {"job_id": "own"}):
        with pytest.raises(ServerError, match="not an integer"):
            queue.add("y", **options)
    assert (stored.all_keys(), len(stored.events())) == (before, 2)
