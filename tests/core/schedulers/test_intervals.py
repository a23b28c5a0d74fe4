"""Job schedulers with an interval or a pattern: when they first run, and what is stored of them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from tests.support.armed_runs import DAY, MINUTE, START, at, definition, run_next, slot_of


class TestIntervals:
    """every."""

    def test_the_first_run_is_now_and_fixes_the_phase(self, queue, stored):
        job = queue.upsert_job_scheduler("s", every=MINUTE, data={"x": []}, name="tick")
        assert (job.id, job.name, job.data) == (f"repeat:s:{START}", "tick", {"x": []})
        assert (job.timestamp, job.delay, job.scheduler_id) == (START, 0, "s")
        assert stored.score("repeat", "s") == START
        assert definition(stored) == {
            "name": "tick",
            "every": "60000",
            "offset": str(START % MINUTE),
            "ic": "1",
            "data": '{"x":[]}',
        }
        assert stored.ids("wait") == [job.id]
        assert stored.event_names() == ["added", "waiting"]
        assert stored.marker() == {"0": 0}
        assert queue.get_job(job.id) == job

    def test_a_run_has_what_node_stores(self, queue):
        job = queue.upsert_job_scheduler("s", every=MINUTE, limit=9, end_date=START + DAY)
        assert job.opts == {
            "attempts": 0,
            "repeat": {"every": MINUTE, "limit": 9, "endDate": START + DAY, "count": 1},
            "jobId": job.id,
            "delay": 0,
            "timestamp": START,
        }
        assert b"attempts" not in job.raw("opts")
        assert b'"repeatJobKey":"s"' in job.raw("opts")

    def test_a_start_date_is_the_first_run(self, queue, stored):
        job = queue.upsert_job_scheduler("s", every=MINUTE, start_date=START + 5_000)
        assert (slot_of(job), job.delay) == (START + 5_000, 5_000)
        assert stored.ids("delayed") == [job.id]
        assert stored.marker()["1"] == START + 5_000

    def test_a_start_date_that_has_passed_is_now(self, queue):
        assert slot_of(queue.upsert_job_scheduler("s", every=MINUTE, start_date=5)) == START

    def test_an_offset_is_the_place_in_each_interval(self, queue, stored):
        job = queue.upsert_job_scheduler("s", every=MINUTE, offset=40_000)
        assert slot_of(job) == at(2026, 1, 15, 10, 7, 40)
        assert definition(stored)["offset"] == "40000"
        assert job.opts["repeat"]["offset"] == 40_000

    def test_an_offset_of_0_says_nothing(self, queue, stored):
        job = queue.upsert_job_scheduler("s", every=MINUTE, offset=0)
        assert slot_of(job) == START
        assert definition(stored)["offset"] == str(START % MINUTE)
        assert "offset" not in job.opts["repeat"]

    def test_an_end_at_this_very_moment_allows_the_run_of_now(self, queue, hand):
        assert slot_of(queue.upsert_job_scheduler("s", every=MINUTE, end_date=START)) == START
        hand.forward(1)
        run_next(queue)
        assert queue.get_next_job("t") is None

    def test_an_offset_that_has_passed_is_in_the_next_interval(self, queue):
        job = queue.upsert_job_scheduler("s", every=MINUTE, offset=10_000)
        assert slot_of(job) == at(2026, 1, 15, 10, 8, 10)

    def test_dates_may_be_datetimes(self, queue):
        moment = datetime(2030, 1, 1, tzinfo=timezone(timedelta(hours=2)))
        job = queue.upsert_job_scheduler("s", every=MINUTE, start_date=moment)
        assert slot_of(job) == at(2029, 12, 31, 22)

    def test_options_and_defaults_go_to_each_run(self, make_queue, stored):
        queue = make_queue(default_job_options={"attempts": 4, "priority": 9})
        job = queue.upsert_job_scheduler(
            "s",
            every=MINUTE,
            options={"priority": 2, "lifo": True, "deduplication": "d", "remove_on_complete": 3},
        )
        assert (job.priority, job.attempts, job.deduplication_id) == (2, 4, "d")
        assert stored.ids("prioritized") == [job.id]
        assert stored.hash(job.id)["deid"] == "d"
        # It is written down, but neither claimed nor obeyed: runs are one at a time anyway.
        assert not stored.exists(stored.keys.deduplication + "d")

    def test_lifo_runs_next(self, queue, stored):
        queue.add("x")
        job = queue.upsert_job_scheduler("s", every=MINUTE, options={"lifo": True})
        assert stored.ids("wait")[-1] == job.id


class TestPatterns:
    """pattern."""

    def test_the_first_run_is_the_next_time(self, queue, stored):
        job = queue.upsert_job_scheduler("s", pattern="0 9 * * *", tz="Europe/Madrid", limit=3)
        assert slot_of(job) == at(2026, 1, 16, 8)
        assert job.delay == slot_of(job) - START
        assert job.opts["prevMillis"] == slot_of(job)
        assert definition(stored) == {
            "name": "s",
            "pattern": "0 9 * * *",
            "tz": "Europe/Madrid",
            "limit": "3",
            "offset": "0",
            "ic": "1",
        }

    def test_a_start_date_comes_first(self, queue, stored):
        job = queue.upsert_job_scheduler(
            "s",
            pattern="0 9 * * *",
            tz="UTC",
            start_date=at(2027, 6, 1, 12),
            end_date=at(2027, 7, 1),
        )
        assert slot_of(job) == at(2027, 6, 2, 9)
        assert definition(stored)["startDate"] == str(at(2027, 6, 1, 12))
        assert definition(stored)["endDate"] == str(at(2027, 7, 1))

    def test_nothing_is_stored_when_the_next_time_is_beyond_the_end(self, queue, stored):
        assert (
            queue.upsert_job_scheduler("s", pattern="0 0 1 2 *", tz="UTC", end_date=START + DAY)
            is None
        )
        assert stored.all_keys() == set()

    def test_immediately_is_now_and_then_the_pattern(self, queue, hand):
        job = queue.upsert_job_scheduler("s", pattern="0 9 * * *", tz="UTC", immediately=True)
        assert (slot_of(job), job.delay) == (START, 0)
        assert "immediately" not in job.opts["repeat"]
        run_next(queue)
        assert queue.get_job_scheduler("s").next == at(2026, 1, 16, 9)

    def test_without_a_zone_it_is_that_of_the_process(self, queue):
        job = queue.upsert_job_scheduler("s", pattern="0 9 * * *")
        local = datetime.fromtimestamp(slot_of(job) / 1000)
        assert (local.hour, local.minute) == (9, 0)
