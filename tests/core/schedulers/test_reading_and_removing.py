"""Job schedulers are read as they were given, and removed with their armed run."""

from __future__ import annotations

import pytest

from bullrush.core.errors import SchedulerOwnsJob
from tests.support.armed_runs import DAY, MINUTE, START, at, pending, run_next


class TestReading:
    """get_job_scheduler and get_job_schedulers."""

    def test_everything_that_was_given_is_read_back(self, queue):
        queue.upsert_job_scheduler(
            "a:b",
            pattern="0 9 * * *",
            tz="UTC",
            limit=3,
            start_date=START,
            end_date=START + 9 * DAY,
            name="n",
            data=[1],
            options={"attempts": 2},
        )
        found = queue.get_job_scheduler("a:b")
        assert (found.id, found.name, found.pattern, found.tz) == ("a:b", "n", "0 9 * * *", "UTC")
        assert (found.limit, found.start_date, found.end_date) == (3, START, START + 9 * DAY)
        assert (found.data, found.options, found.every) == ([1], {"attempts": 2}, None)
        assert (found.next, found.iteration_count, found.offset) == (at(2026, 1, 16, 9), 1, 0)
        assert queue.get_job_schedulers() == [found]

    def test_one_that_does_not_exist_is_none(self, queue, stored):
        assert queue.get_job_scheduler("s") is None
        assert queue.get_job_schedulers() == []
        assert queue.get_job_schedulers_count() == 0
        assert stored.all_keys() == set()

    def test_they_are_in_the_order_of_their_next_run(self, queue):
        for number in (3, 1, 2):
            queue.upsert_job_scheduler(f"s{number}", every=DAY, start_date=START + number)
        assert [each.id for each in queue.get_job_schedulers()] == ["s3", "s2", "s1"]
        assert [each.id for each in queue.get_job_schedulers(ascending=True)] == ["s1", "s2", "s3"]
        assert [each.id for each in queue.get_job_schedulers(1, 1)] == ["s2"]
        assert [each.id for each in queue.get_job_schedulers(-2, -1, True)] == ["s2", "s3"]
        assert [each.id for each in queue.get_job_schedulers(0, -2)] == ["s3", "s2"]
        assert queue.get_job_schedulers(5, 9) == []
        assert queue.get_job_schedulers_count() == 3

    def test_many_are_read_in_pages_and_those_without_a_definition_go(self, queue, stored):
        members = [part for number in range(1_200) for part in (number, f"s{number}")]
        stored.run("ZADD", stored.keys.repeat, *members)
        for number in range(0, 1_200, 2):
            stored.run("HSET", stored.keys.job(f"repeat:s{number}"), "name", "n", "ic", 1)
        found = queue.get_job_schedulers(ascending=True)
        assert [each.next for each in found] == list(range(0, 1_200, 2))
        assert queue.get_job_schedulers_count() == 600

    def test_a_repeatable_job_of_bull_is_said_and_kept(self, queue, stored, caplog):
        legacy = "send:::UTC:0 9 * * *"
        stored.run("ZADD", stored.keys.repeat, 5, legacy)
        assert queue.get_job_schedulers() == []
        assert legacy in caplog.text
        assert queue.get_job_schedulers_count() == 1
        assert queue.remove_job_scheduler(legacy)
        assert queue.get_job_schedulers_count() == 0

    def test_damaged_fields_are_read_as_absent(self, queue, stored):
        queue.upsert_job_scheduler("s", every=MINUTE)
        for name in ("every", "limit", "ic", "offset", "data", "opts", "startDate"):
            stored.run("HSET", stored.keys.job("repeat:s"), name, b"\xff{")
        [found] = queue.get_job_schedulers()
        assert (found.every, found.limit, found.iteration_count, found.data) == (None,) * 4
        assert found.options == {}


class TestRemoving:
    """remove_job_scheduler, and the armed run (section 2.8)."""

    def test_the_delayed_run_goes_too(self, queue, stored):
        job = queue.upsert_job_scheduler("s", pattern="@daily", tz="UTC")
        assert queue.remove_job_scheduler("s") is True
        assert stored.all_keys() <= {"events", "id", "meta", "marker"}
        assert stored.events()[-1] == {"event": "removed", "jobId": job.id, "prev": "delayed"}

    def test_a_waiting_run_stays_and_runs_once(self, queue, stored, hand):
        job = queue.upsert_job_scheduler("s", every=MINUTE)
        assert queue.remove_job_scheduler("s") is True
        assert pending(stored) == [job.id]
        assert run_next(queue).id == job.id
        hand.forward(DAY)
        assert queue.get_next_job("t") is None

    def test_nothing_to_remove_is_false(self, queue):
        assert queue.remove_job_scheduler("s") is False

    def test_a_definition_that_was_left_behind_goes(self, queue, stored):
        queue.upsert_job_scheduler("s", every=MINUTE)
        stored.run("ZREM", stored.keys.repeat, "s")
        assert queue.remove_job_scheduler("s") is True
        assert not stored.exists(stored.keys.job("repeat:s"))

    def test_the_armed_run_cannot_be_removed_alone(self, queue, stored, hand):
        first = queue.upsert_job_scheduler("s", every=MINUTE)
        with pytest.raises(SchedulerOwnsJob):
            queue.remove(first.id)
        run_next(queue)
        assert queue.remove(first.id)
        [armed] = pending(stored)
        with pytest.raises(SchedulerOwnsJob):
            queue.remove(armed)

    def test_drain_and_clean_keep_the_armed_run(self, queue, stored, hand):
        waiting = queue.upsert_job_scheduler("w", every=MINUTE)
        delayed = queue.upsert_job_scheduler("d", pattern="@daily", tz="UTC")
        ranked = queue.upsert_job_scheduler("p", every=MINUTE, options={"priority": 3})
        hand.forward(1_000)
        queue.drain(delayed=True)
        for state in ("wait", "delayed", "prioritized"):
            queue.clean(0, 100, state)
        assert sorted(pending(stored)) == sorted([waiting.id, delayed.id, ranked.id])
