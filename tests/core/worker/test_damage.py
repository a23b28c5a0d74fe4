"""What other clients may have stored: a damaged job or key ends in a named error or a failed job,
and the others go on.
"""

from __future__ import annotations

import logging
import random

import pytest

from bullrush.core import Completed, Failed, Postponed, Retried, Returned
from bullrush.core.errors import JobNotFound, ServerError
from bullrush.core.job import FIELDS
from bullrush.core.keys import META_FIELDS
from bullrush.core.trip import Limiter
from tests.support.waiting import wait_until

ENDS = ("completed", "failed")
#: What nobody should have stored in a field.
RUBBISH = {
    "empty": b"",
    "text": b"rubbish",
    "bytes": b"\xff\xfe\x00",
    "broken json": b'{"a":',
    "list": b"[]",
    "deep": b"[" * 100_000,
    "fraction": b"1.5",
    "negative": b"-3",
    "huge": b"9" * 400,
    "nan": b"nan",
    "infinity": b"1e999",
    "options": b'{"attempts":1e999,"backoff":[],"removeOnFail":"x","stackTraceLimit":-1,"lifo":7}',
    "more options": b'{"attempts":"3","backoff":{"delay":"x"},"removeOnComplete":{"count":"x"}}',
}


def handler(delivery):
    """Fails once in a while, so that every path of the script is taken."""
    if delivery.job.name == "fails":
        raise ValueError("as asked")
    return delivery.job.attempts


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_rubbish_in_a_field_ends_that_job_and_no_other(queue, events, start_worker, stored, field):
    queue.pause()
    damaged = {}
    for what, rubbish in RUBBISH.items():
        for name in ("works", "fails"):
            job = queue.add(name, attempts=2)
            stored.run("HSET", stored.keys.job(job.id), FIELDS[field], rubbish)
            damaged[job.id] = f"{name} with {what}"
    sound = queue.add("works")
    start_worker(handler, concurrency=4)
    queue.resume()
    assert events.wait_until_finished(sound.id, 20) == 0
    for job_id, what in damaged.items():
        wait_until(lambda job_id=job_id: queue.get_state(job_id) in ENDS, what=what)
        after = queue.get_job(job_id)
        failed = queue.get_state(job_id) == "failed"
        assert after.attempts_made >= 1, what
        assert after.failed_reason or not failed, what
        assert failed or field == "name" or what.startswith("works"), what
    assert (stored.ids("active"), stored.ids("wait")) == ([], [])


def test_many_fields_at_once_are_no_worse(queue, events, start_worker, stored):
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    queue.pause()
    damaged = [queue.add(rng.choice(["works", "fails"])) for _ in range(30)]
    for job in damaged:
        for field in rng.sample(sorted(FIELDS), 5):
            rubbish = rng.choice(list(RUBBISH.values()))
            stored.run("HSET", stored.keys.job(job.id), FIELDS[field], rubbish)
    sound = queue.add("works")
    start_worker(handler, concurrency=4)
    queue.resume()
    assert events.wait_until_finished(sound.id, 20) == 0, f"seed {seed}"
    for job in damaged:
        what = f"job {job.id} of seed {seed}"
        wait_until(lambda job=job: queue.get_state(job.id) in ENDS, what=what)


class TestCounters:
    """A count that is no number counts from 0."""

    @pytest.mark.parametrize("rubbish", ["x", "1.5", "-1", "", "1e400"])
    def test_attempts_made(self, queue, stored, hands, rubbish):
        for outcome in (Completed(1), Failed("x"), Retried(0, "x")):
            job = queue.add("x", attempts=3)
            stored.run("HSET", stored.keys.job(job.id), "atm", rubbish)
            assert hands.commit(hands.take()[0], outcome) == 0
            assert queue.get_job(job.id).attempts_made == 1
            queue.remove(job.id)

    @pytest.mark.parametrize("rubbish", ["x", "1.5", "-1", "", "1e400"])
    def test_stalls_and_starts(self, queue, stored, hands, rubbish):
        for field in ("stc", "ats"):
            job = queue.add("x")
            stored.run("HSET", stored.keys.job(job.id), field, rubbish)
        hands.take(2)
        for job_id in ("1", "2"):
            stored.run("DEL", stored.keys.job_part(job_id, "lock"))
        for _ in range(2):
            stored.run("DEL", stored.keys.stalled_check)
            recovered = hands.sweep()
        assert sorted(recovered) == ["1", "2"]
        assert queue.get_job("1").stalled_count == 1
        assert queue.get_job("2").attempts_started == 1

    @pytest.mark.parametrize("rubbish", ["x", "1.5", ""])
    def test_the_order_of_priorities(self, queue, stored, hands, rubbish):
        queue.add("x", priority=1)
        taken = hands.take()[0]
        stored.run("SET", stored.keys.priority_counter, rubbish)
        assert hands.commit(taken, Retried(0, "x")) == 0
        assert stored.ids("prioritized") == ["1"]


class TestKeys:
    """Keys of another type, ids without a job."""

    def test_a_rate_limit_that_is_no_counter_is_no_limit(self, queue, stored, hands):
        limiter = Limiter(max=1, duration=60_000)
        for command in (("SET", "x", "PX", 60_000), ("RPUSH", "x")):
            queue.add("x")
            verb, *rest = command
            stored.run("DEL", stored.keys.limiter)
            stored.run(verb, stored.keys.limiter, *rest)
            (job,) = hands.trip(most=1, limiter=limiter).jobs
            assert stored.run("GET", stored.keys.limiter) == b"1"
            assert stored.ids("active")[0] == job.id

    @pytest.mark.parametrize(
        ("name", "value"), [("concurrency", "x"), ("max", "x"), ("max_events", "-1")]
    )
    def test_settings_that_are_no_numbers_are_none(self, queue, stored, hands, name, value):
        stored.run("HSET", stored.keys.meta, META_FIELDS[name], value)
        queue.add("x")
        assert hands.commit(hands.take()[0], Completed(1)) == 0

    @pytest.mark.parametrize("damage", ["gone", "another type"])
    def test_a_due_id_without_a_job_is_dropped(self, queue, stored, hands, damage):
        job = queue.add("x", delay=1000, timestamp=1_000_000)
        queue.add("y", delay=1000, timestamp=1_000_000)
        stored.run("DEL", stored.keys.job(job.id))
        if damage == "another type":
            stored.run("SET", stored.keys.job(job.id), "x")
        (found,) = hands.trip(most=5, now=2_000_000).jobs
        assert found.name == "y"
        assert stored.ids("delayed") == []
        assert stored.exists(stored.keys.job(job.id)) == (damage == "another type")

    def test_promoting_an_id_without_a_job_says_so_and_drops_it(self, queue, stored):
        job = queue.add("x", delay=60_000)
        stored.run("DEL", stored.keys.job(job.id))
        with pytest.raises(JobNotFound):
            queue.promote(job.id)
        assert (stored.ids("delayed"), stored.ids("wait")) == ([], [])
        assert not stored.exists(stored.keys.job(job.id))

    def test_a_lock_of_another_type_costs_no_other_job_its_lock(self, queue, stored, hands):
        for _ in range(2):
            queue.add("x")
        first, second = (stored.keys.job_part(each.job.id, "lock") for each in hands.take(2))
        token = stored.run("GET", second).decode()
        stored.run("DEL", first)
        stored.run("RPUSH", first, "x")
        assert queue.extend_lock("1", token, 60_000) is False
        assert queue.extend_lock("2", token, 60_000) is True

    @pytest.mark.parametrize("part", ["deduplication", "deduplication_next"])
    def test_deduplication_keys_of_another_type_stop_no_end(self, queue, stored, hands, part):
        queue.add("x", deduplication="d")
        taken = hands.take()[0]
        key = getattr(stored.keys, part) + "d"
        stored.run("DEL", key)
        stored.run("RPUSH", key, "x")
        assert hands.commit(taken, Completed(1)) == 0
        assert queue.get_state("1") == "completed"

    def test_a_counter_of_ids_that_is_no_number_stops_no_end(self, queue, stored, hands):
        queue.add("x", deduplication={"id": "d", "keep_last_if_active": True})
        taken = hands.take()[0]
        queue.add("x", 2, deduplication={"id": "d", "keep_last_if_active": True})
        stored.run("SET", stored.keys.id, "x")
        assert hands.commit(taken, Completed(1)) == 0
        assert queue.get_state("1") == "completed"
        assert queue.get_job("2").data == 2

    @pytest.mark.parametrize(
        "outcome",
        [Completed(1), Failed("x"), Retried(0, "x"), Retried(5, "x"), Postponed(5), Returned()],
        ids=lambda outcome: type(outcome).__name__,
    )
    @pytest.mark.parametrize(
        "place", ["active", "wait", "prioritized", "delayed", "completed", "failed", "events"]
    )
    def test_a_structure_of_another_type_is_met_before_the_first_write(
        self, queue, stored, hands, place, outcome
    ):
        job = queue.add("x", attempts=3)
        taken = hands.take()[0]
        stored.run("DEL", getattr(stored.keys, place))
        stored.run("SET", getattr(stored.keys, place), "x")
        before = stored.hash(job.id)
        with pytest.raises(ServerError, match="WRONGTYPE"):
            hands.commit(taken, outcome)
        assert stored.hash(job.id) == before
        assert stored.exists(stored.keys.job_part(job.id, "lock"))

    def test_a_completion_that_cannot_be_stored_is_a_failure_with_the_reason(
        self, queue, events, start_worker, stored
    ):
        queue.pause()
        job = queue.add("x")
        stored.run("SET", stored.keys.job_part(job.id, "dependencies"), "x")
        start_worker(lambda delivery: 1)
        queue.resume()
        assert "WRONGTYPE" in events.wait_for_end(job.id, 20).reason
        assert events.wait_until_finished(queue.add("x").id, 20) == 1

    def test_a_lock_of_another_type_counts_as_lost_and_does_not_stop_the_others(
        self, queue, events, start_worker, stored, caplog
    ):
        queue.pause()
        job = queue.add("x")
        lock = stored.keys.job_part(job.id, "lock")

        def break_own_lock(delivery):
            if delivery.job.id == job.id:
                stored.run("DEL", lock)
                stored.run("RPUSH", lock, "x")
            return 1

        with caplog.at_level(logging.WARNING, "bullrush.worker"):
            start_worker(break_own_lock, stalled_interval=60_000)
            queue.resume()
            assert events.wait_until_finished(queue.add("x").id, 20) == 1
            wait_until(lambda: f"not counted: the outcome of job {job.id}" in caplog.text)
        assert queue.get_state(job.id) == "active"

    def test_an_id_that_is_no_utf_8_is_worked_like_any_other(
        self, queue, events, start_worker, stored
    ):
        queue.pause()
        odd = b"\xff\xfeid"
        base = stored.keys.base.encode()
        stored.run("HSET", base + odd, "name", "x", "data", "{}", "opts", "{}", "timestamp", 1)
        stored.run("LPUSH", stored.keys.wait, odd)
        seen = []
        start_worker(lambda delivery: seen.append(delivery.job.id))
        sound = queue.add("x")
        queue.resume()
        events.wait_until_finished(sound.id, 20)
        wait_until(lambda: stored.run("ZSCORE", stored.keys.completed, odd) is not None)
        assert seen[0].encode("utf-8", "surrogateescape") == odd
        assert not stored.exists(base + odd + b":lock")
