"""Job schedulers: protocol part 2, section 2. The clock stands still until a test moves it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from bullrush.core import clock
from bullrush.core.advance import advance
from bullrush.core.calls import run_steps
from bullrush.core.errors import (
    InvalidOption,
    JobTooLarge,
    SchedulerIdTaken,
    SchedulerOwnsJob,
    SlotsTaken,
    SlotTaken,
    UnserializableData,
)
from tests.support.waiting import wait_until

#: 2026-01-15 10:07:33.250 UTC
START = 1_768_471_653_250
MINUTE, DAY = 60_000, 86_400_000


class Hand:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def forward(self, ms: int) -> None:
        """Let time pass."""
        self.now += ms


@pytest.fixture(autouse=True)
def hand(monkeypatch: pytest.MonkeyPatch) -> Hand:
    """The clock of this process."""
    hand = Hand()
    monkeypatch.setattr(clock, "source", lambda: hand.now * 1_000_000)
    return hand


def at(*parts):
    """Unix ms of a moment in UTC."""
    return int(datetime(*parts, tzinfo=timezone.utc).timestamp() * 1000)


def slot_of(job):
    """The slot in a run's id."""
    return int(job.id.rpartition(":")[2])


def run_next(queue, token="t"):
    """Take the next run, which must be there, and complete it."""
    job = queue.get_next_job(token)
    assert job is not None
    queue.move_to_completed(job, None, token)
    return job


def definition(stored, scheduler_id="s"):
    """The stored hash of a scheduler."""
    return stored.hash(f"repeat:{scheduler_id}")


def pending(stored):
    """Ids of all jobs that are to run."""
    return [each for place in ("wait", "prioritized", "delayed") for each in stored.ids(place)]


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


class TestUpsertAgain:
    """The table of section 2.5."""

    def test_the_pending_run_is_kept_and_gets_the_new_template(self, queue, stored, hand):
        first = queue.upsert_job_scheduler("s", every=MINUTE, data=1, options={"priority": 5})
        hand.forward(100)
        again = queue.upsert_job_scheduler("s", every=MINUTE, data=2, name="new")
        assert (again.id, again.data, again.name) == (first.id, 2, "new")
        assert pending(stored) == [first.id]
        assert "priority" not in stored.hash(again.id)["opts"]
        assert "removed" not in stored.event_names()
        assert (definition(stored)["ic"], definition(stored)["data"]) == ("1", "2")

    def test_a_template_that_is_not_sent_again_is_gone(self, queue, stored):
        queue.upsert_job_scheduler("s", every=MINUTE, data=1, options={"attempts": 3})
        queue.upsert_job_scheduler("s", every=MINUTE)
        assert definition(stored).keys() == {"name", "every", "offset", "ic"}

    def test_another_interval_starts_now(self, queue, stored, hand):
        queue.upsert_job_scheduler("s", every=MINUTE, start_date=START + 30_000)
        hand.forward(100)
        job = queue.upsert_job_scheduler("s", every=2 * MINUTE)
        assert slot_of(job) == START + 100
        assert pending(stored) == [job.id]

    def test_an_interval_becomes_a_pattern_and_back(self, queue, stored):
        queue.upsert_job_scheduler("s", every=MINUTE)
        job = queue.upsert_job_scheduler("s", pattern="@daily", tz="UTC")
        assert (pending(stored), slot_of(job)) == ([job.id], at(2026, 1, 16))
        assert "every" not in definition(stored)
        job = queue.upsert_job_scheduler("s", every=MINUTE)
        assert (pending(stored), slot_of(job)) == ([job.id], START)
        assert "pattern" not in definition(stored)

    def test_only_another_offset_keeps_the_slot(self, queue, stored):
        first = queue.upsert_job_scheduler("s", every=MINUTE)
        again = queue.upsert_job_scheduler("s", every=MINUTE, offset=777)
        assert again.id == first.id
        assert definition(stored)["offset"] == "777"
        queue.upsert_job_scheduler("s", every=MINUTE)
        assert definition(stored)["offset"] == "777"

    def test_an_active_run_is_left_alone(self, queue, stored, hand):
        queue.upsert_job_scheduler("s", every=MINUTE)
        active = queue.get_next_job("t")
        hand.forward(100)
        job = queue.upsert_job_scheduler("s", every=MINUTE, data="new")
        assert stored.ids("active") == [active.id]
        assert pending(stored) == [job.id] == [f"repeat:s:{START + MINUTE}"]
        assert definition(stored)["ic"] == "2"

    def test_a_run_that_vanished_is_followed_by_the_slot_after_it(self, queue, stored):
        lost = queue.upsert_job_scheduler("s", every=MINUTE)
        stored.run("DEL", stored.keys.job(lost.id), stored.keys.wait)
        assert slot_of(queue.upsert_job_scheduler("s", every=MINUTE)) == START + MINUTE

    @pytest.mark.parametrize("list_name", ["wait", "paused"])
    def test_a_paused_queue_gets_no_second_run(self, queue, stored, list_name):
        first = queue.upsert_job_scheduler("s", every=MINUTE)
        queue.pause()
        if list_name == "paused":  # as a 5.x process leaves it
            stored.run("RENAME", stored.keys.wait, stored.keys.paused)
        again = queue.upsert_job_scheduler("s", every=MINUTE, data="new")
        assert again.id == first.id
        assert stored.ids("wait") + stored.ids("paused") == [first.id]

    def test_the_deduplication_claim_of_the_old_run_is_given_up(self, queue, stored):
        first = queue.upsert_job_scheduler("s", every=MINUTE, options={"deduplication": "d"})
        claim = stored.keys.deduplication + "d"
        stored.run("SET", claim, first.id)
        queue.upsert_job_scheduler("s", every=MINUTE)
        assert not stored.exists(claim)


class TestTakenSlots:
    """The id of the next run exists (codes -10 and -11)."""

    def test_an_interval_steps_over_them(self, queue, stored):
        for step in range(3):
            stored.run("HSET", stored.keys.job(f"repeat:s:{START + step * MINUTE}"), "name", "x")
        assert slot_of(queue.upsert_job_scheduler("s", every=MINUTE)) == START + 3 * MINUTE

    def test_after_33_of_them_an_error_says_so_and_nothing_has_changed(self, queue, stored, hand):
        first = queue.upsert_job_scheduler("s", every=MINUTE)
        hand.forward(1)
        for step in range(33):
            stored.run("HSET", stored.keys.job(f"repeat:s:{hand.now + step * 7}"), "name", "x")
        before = definition(stored)
        with pytest.raises(SlotsTaken, match="job scheduler s"):
            queue.upsert_job_scheduler("s", every=7)
        assert pending(stored) == [first.id]
        assert definition(stored) == before

    def test_the_33rd_is_tried_as_by_node(self, queue, stored):
        for step in range(32):
            stored.run("HSET", stored.keys.job(f"repeat:s:{START + step * MINUTE}"), "name", "x")
        assert slot_of(queue.upsert_job_scheduler("s", every=MINUTE)) == START + 32 * MINUTE

    def test_the_id_of_a_run_is_no_id_of_a_scheduler(self, queue, stored):
        run = queue.upsert_job_scheduler("s", every=MINUTE, data={"precious": 1})
        named = f"s:{START}"
        before = stored.hash(run.id), stored.ids("wait"), stored.run("GET", stored.keys.id)
        with pytest.raises(SchedulerIdTaken, match="names a run of another one"):
            queue.upsert_job_scheduler(named, every=MINUTE)
        assert queue.remove_job_scheduler(named) is False
        after = stored.hash(run.id), stored.ids("wait"), stored.run("GET", stored.keys.id)
        assert after == before
        assert queue.get_job_schedulers_count() == 1

    def test_a_pattern_whose_run_is_active_or_done_is_refused(self, queue, stored, hand):
        job = queue.upsert_job_scheduler("s", pattern="0 9 * * *", tz="UTC")
        queue.promote(job.id)
        # Nobody has made the next run: the worker died before.
        stored.run("RPOP", stored.keys.wait)
        stored.run("LPUSH", stored.keys.active, job.id)
        before = definition(stored)
        with pytest.raises(SlotTaken, match="job scheduler s"):
            queue.upsert_job_scheduler("s", pattern="0 9 * * *", tz="UTC", data="new")
        assert (definition(stored), stored.ids("active")) == (before, [job.id])

    def test_a_run_made_early_by_hand_is_not_written_over(self, queue, stored):
        early = queue.upsert_job_scheduler("s", pattern="0 9 * * *", tz="UTC")
        queue.promote(early.id)
        run_next(queue)
        assert queue.get_job_scheduler("s").next == at(2026, 1, 17, 9)
        job = queue.upsert_job_scheduler("s", pattern="0 9 * * *", tz="UTC", data="new")
        assert slot_of(job) == at(2026, 1, 17, 9)
        assert pending(stored) == [job.id]
        assert queue.get_state(early.id) == "completed"


class TestAdvance:
    """Who takes a run makes the next one (section 2.6)."""

    def test_the_next_run_is_made_when_one_is_taken(self, queue, stored, hand):
        queue.upsert_job_scheduler(
            "s", every=MINUTE, data={"x": []}, name="tick", options={"keep_logs": 2}
        )
        hand.forward(100)
        taken = queue.get_next_job("t")
        job = queue.get_job(f"repeat:s:{START + MINUTE}")
        assert (job.name, job.data, job.scheduler_id) == ("tick", {"x": []}, "s")
        assert (job.timestamp, job.delay) == (START + 100, MINUTE - 100)
        assert b'"attempts":0' in job.raw("opts")  # as Node's worker sends it
        assert job.opts == {
            **taken.opts,
            "repeat": {"every": MINUTE, "count": 2},
            "jobId": job.id,
            "timestamp": START + 100,
            "delay": MINUTE - 100,
        }
        assert stored.ids("delayed") == [job.id]
        assert stored.score("repeat", "s") == START + MINUTE
        assert (definition(stored)["ic"], definition(stored)["offset"]) == (
            "2",
            str(START % MINUTE),
        )

    def test_a_pattern_goes_on(self, queue, hand):
        queue.upsert_job_scheduler("s", pattern="0 9 * * *", tz="UTC")
        for day in (16, 17, 18):
            hand.now = at(2026, 1, day, 9) + 20
            job = run_next(queue)
            assert (slot_of(job), job.opts["repeat"]["count"]) == (at(2026, 1, day, 9), day - 15)

    @pytest.mark.parametrize("late", [3_600, 3_800])  # before and after a full second
    def test_missed_slots_are_skipped_and_the_phase_stays(self, queue, hand, late):
        queue.upsert_job_scheduler("s", every=1_000)
        hand.forward(late)
        assert slot_of(run_next(queue)) == START
        assert queue.get_job_scheduler("s").next == START + 4_000

    def test_missed_times_of_a_pattern_are_skipped(self, queue, hand):
        queue.upsert_job_scheduler("s", pattern="@hourly", tz="UTC")
        hand.now = at(2026, 1, 17, 12, 30)
        run_next(queue)
        assert queue.get_job_scheduler("s").next == at(2026, 1, 17, 13)

    def test_a_limit_is_that_many_runs(self, queue, stored, hand):
        queue.upsert_job_scheduler("s", every=1_000, limit=3)
        counts = []
        for _ in range(3):
            counts.append(run_next(queue).opts["repeat"]["count"])
            hand.forward(1_000)
        assert counts == [1, 2, 3]
        assert queue.get_next_job("t") is None
        assert (pending(stored), stored.score("repeat", "s")) == ([], START + 2_000)
        assert definition(stored)["ic"] == "3"

    def test_an_interval_may_run_once_more_after_its_end(self, queue, hand):
        queue.upsert_job_scheduler("s", every=1_000, end_date=START + 1_500)
        ran = []
        while (job := queue.get_next_job("t")) is not None:
            queue.move_to_completed(job, None, "t")
            ran.append(slot_of(job) - START)
            hand.forward(1_000)
        assert ran == [0, 1_000, 2_000]

    def test_a_pattern_never_runs_after_its_end(self, queue, stored, hand):
        queue.upsert_job_scheduler("s", pattern="@daily", tz="UTC", end_date=at(2026, 1, 17, 12))
        ran = []
        for day in range(16, 20):
            hand.now = at(2026, 1, day)
            if (job := queue.get_next_job("t")) is not None:
                queue.move_to_completed(job, None, "t")
                ran.append(slot_of(job))
        assert ran == [at(2026, 1, 16), at(2026, 1, 17)]
        assert pending(stored) == []

    def test_a_retry_makes_no_second_run(self, queue, stored, hand):
        queue.upsert_job_scheduler("s", every=MINUTE, options={"attempts": 3})
        for _ in range(3):
            job = queue.get_next_job("t")
            queue.move_to_failed(job, ValueError("no"), "t")
            hand.forward(100)
        assert queue.get_state(job.id) == "failed"
        assert pending(stored) == [f"repeat:s:{START + MINUTE}"]
        assert definition(stored)["ic"] == "2"

    def test_a_stalled_run_makes_no_second_run_and_is_not_failed(self, queue, stored, hands):
        queue.upsert_job_scheduler("s", every=MINUTE)
        for token in "abcd":
            job = queue.get_next_job(token)
            stored.run("DEL", stored.keys.job_part(job.id, "lock"))
            stored.run("DEL", stored.keys.stalled_check)
            stored.run("SADD", stored.keys.stalled, job.id)
            assert hands.sweep() == [job.id]
        last = queue.get_next_job("e")
        assert (last.stalled_count, last.deferred_failure) == (4, None)
        assert pending(stored) == [f"repeat:s:{START + MINUTE}"]

    def test_a_run_whose_worker_died_before_advancing_advances_when_taken_again(
        self, queue, stored, hands
    ):
        queue.upsert_job_scheduler("s", every=MINUTE)
        [delivery] = hands.take()  # by a trip alone
        assert pending(stored) == []
        stored.run("DEL", stored.keys.job_part(delivery.job.id, "lock"))
        stored.run("SADD", stored.keys.stalled, delivery.job.id)
        hands.sweep()
        assert queue.get_next_job("t").id == delivery.job.id
        assert pending(stored) == [f"repeat:s:{START + MINUTE}"]

    def test_a_replaced_run_does_not_go_on(self, queue, stored, hand):
        queue.upsert_job_scheduler("s", every=MINUTE)
        old = queue.get_next_job("t")
        hand.forward(100)
        queue.upsert_job_scheduler("s", every=2 * MINUTE)
        assert pending(stored) == [f"repeat:s:{START + 100}"]
        queue.move_to_failed(old, ValueError("again"), "t")
        assert queue.get_job_scheduler("s").next == START + 100

    def test_a_removed_scheduler_does_not_go_on(self, queue, stored):
        queue.upsert_job_scheduler("s", every=MINUTE)
        assert queue.remove_job_scheduler("s")
        run_next(queue)
        assert (pending(stored), stored.score("repeat", "s")) == ([], None)

    def test_ending_a_job_with_the_next_one_advances_too(self, queue, stored):
        queue.add("x")
        queue.upsert_job_scheduler("s", every=MINUTE)
        job = queue.get_next_job("t")
        run = queue.move_to_completed(job, None, "t", fetch_next=True)
        assert run.scheduler_id == "s"
        assert pending(stored) == [f"repeat:s:{START + MINUTE}"]

    def test_a_promoted_run_is_followed_by_the_slot_after_it(self, queue):
        job = queue.upsert_job_scheduler("s", every=MINUTE, start_date=START + MINUTE)
        queue.promote(job.id)
        run_next(queue)
        assert queue.get_job_scheduler("s").next == START + 2 * MINUTE

    @pytest.mark.parametrize("options", [{"every": MINUTE}, {"pattern": "* * * * *", "tz": "UTC"}])
    def test_taken_slots_are_stepped_over(self, queue, stored, options, hand):
        first = queue.upsert_job_scheduler("s", **options)
        for step in range(1, 4):
            stored.run(
                "HSET", stored.keys.job(f"repeat:s:{slot_of(first) + step * MINUTE}"), "name", "x"
            )
        hand.now = slot_of(first)
        run_next(queue)
        assert queue.get_job_scheduler("s").next == slot_of(first) + 4 * MINUTE

    def test_the_option_names_of_the_template_survive_the_trip(self, queue, hand):
        options = {
            "attempts": 3,
            "backoff": {"type": "fixed", "delay": 5},
            "keep_logs": 4,
            "remove_on_fail": {"count": 2, "age": 9},
            "stack_trace_limit": 1,
        }
        queue.upsert_job_scheduler("s", every=MINUTE, options=options)
        assert queue.get_job_scheduler("s").options == options
        first = run_next(queue)
        hand.forward(MINUTE)
        second = run_next(queue)
        own = ("jobId", "delay", "timestamp", "repeat")
        left = [{k: v for k, v in job.opts.items() if k not in own} for job in (first, second)]
        assert left[0] == left[1]


class TestDamage:
    """What other clients may have stored (the job is run whatever it is)."""

    def test_runs_whose_options_are_damaged_are_run(self, queue, stored, caplog):
        queue.upsert_job_scheduler("s", every=MINUTE)
        job_key = stored.keys.job(f"repeat:s:{START}")
        for opts in [
            "no json",
            "[]",
            "{}",
            '{"repeat":5}',
            '{"repeat":{"every":"x"}}',
            '{"repeat":{"every":60000,"count":{}}}',
            '{"repeat":{"pattern":["*"]}}',
            '{"repeat":{"pattern":"0 0 30 2 *"}}',
            '{"repeat":{"pattern":"* * * * *","tz":"No"}}',
            '{"repeat":{"every":1e400}}',
            '{"repeat":{"every":60000,"limit":"three"}}',
        ]:
            caplog.clear()
            stored.run("HSET", job_key, "opts", opts)
            job = queue.get_next_job("t")
            assert job.id == f"repeat:s:{START}"
            assert "cannot make the run that follows" in caplog.text, opts
            queue.move_to_wait(job.id, "t")
        assert pending(stored) == [f"repeat:s:{START}"]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("ic", "x"),
            ("ic", "-5"),
            ("offset", "x"),
            ("offset", "1e308"),
            ("every", "x"),
            ("every", "-5"),
            ("every", "0"),
            ("every", "inf"),
            ("opts", "x"),
            ("limit", "x"),
        ],
    )
    def test_damaged_fields_of_the_definition_do_not_stop_it(self, queue, stored, field, value):
        queue.upsert_job_scheduler("s", every=MINUTE)
        stored.run("HSET", stored.keys.job("repeat:s"), field, value)
        assert queue.get_job_scheduler("s").id == "s"
        run_next(queue)
        assert queue.get_job_scheduler("s").next == START + MINUTE
        queue.upsert_job_scheduler("s", every=MINUTE)
        assert len(pending(stored)) == 1

    def test_a_score_that_no_slot_can_be_is_no_armed_run(self, queue, stored):
        for score in ("inf", "1.5", "1e300", "-inf"):
            queue.upsert_job_scheduler("s", every=MINUTE)
            stored.run("ZADD", stored.keys.repeat, score, "s")
            assert isinstance(queue.get_job_scheduler("s").next, int)
            run_next(queue)
            assert pending(stored) == []
            assert queue.remove_job_scheduler("s")
            stored.run("DEL", stored.keys.job(f"repeat:s:{START}"))

    def test_a_definition_without_any_interval_is_said_and_the_job_run(self, queue, stored, caplog):
        queue.upsert_job_scheduler("s", every=MINUTE)
        stored.run("HDEL", stored.keys.job("repeat:s"), "every")
        stored.run("HSET", stored.keys.job(f"repeat:s:{START}"), "opts", '{"repeat":{"every":-5}}')
        run_next(queue)
        assert "has no interval" in caplog.text

    def test_a_definition_that_is_gone_is_said_and_the_job_run(self, queue, stored, caplog):
        queue.upsert_job_scheduler("s", every=MINUTE)
        stored.run("DEL", stored.keys.job("repeat:s"))
        run_next(queue)
        assert "has no definition" in caplog.text
        assert pending(stored) == []

    def test_keys_of_another_type_change_nothing(self, queue, stored, caplog):
        queue.upsert_job_scheduler("s", every=MINUTE)
        stored.run("DEL", stored.keys.id)
        stored.run("LPUSH", stored.keys.id, "x")
        job = queue.get_next_job("t")
        assert job.id == f"repeat:s:{START}"
        assert "cannot make the runs that follow" in caplog.text
        assert stored.score("repeat", "s") == START
        assert definition(stored)["ic"] == "1"

    def test_one_damaged_scheduler_does_not_hold_the_others(
        self, queue, stored, start_worker, caplog
    ):
        for name in ("a", "b", "c"):
            queue.upsert_job_scheduler(name, every=DAY)
        stored.run("DEL", stored.keys.job("repeat:b"))
        stored.run("LPUSH", stored.keys.job("repeat:b"), "x")
        done = []
        start_worker(lambda delivery: done.append(delivery.job.scheduler_id), concurrency=3)
        wait_until(lambda: len(stored.ids("completed")) == 3)
        assert sorted(done) == ["a", "b", "c"]
        assert pending(stored) == [f"repeat:{name}:{START + DAY}" for name in ("a", "c")]
        assert "job scheduler b" in caplog.text

    def test_a_repeatable_job_of_old_becomes_a_scheduler_and_keeps_its_data(
        self, queue, stored, hand, caplog
    ):
        queue.upsert_job_scheduler("s", every=MINUTE, data="precious", name="old")
        stored.run("HDEL", stored.keys.job("repeat:s"), "ic", "data")
        for step in range(3):
            assert run_next(queue).data == "precious"
            hand.forward(MINUTE)
            assert definition(stored)["ic"] == str(step + 1)
        assert caplog.text.count("continues as a job scheduler") == 1


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


class TestRefused:
    """Nothing is written when something is wrong."""

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ({}, "either every"),
            ({"every": 5, "pattern": "* * * * *"}, "either every"),
            ({"every": 0}, "every is a whole number"),
            ({"every": -5}, "every is a whole number"),
            ({"every": 1.5}, "every is a whole number"),
            ({"every": "1000"}, "every is a whole number"),
            ({"every": True}, "every is a whole number"),
            ({"every": 10**18}, "every is a whole number"),
            ({"pattern": ""}, "cron pattern"),
            ({"pattern": "0 0 30 2 *"}, "never fires"),
            ({"pattern": "0 0 L-3 * *"}, "cron pattern"),
            ({"pattern": ["*"]}, "cron pattern is text"),
            ({"pattern": "* * * * *", "tz": "Mars/Base"}, "no time zone"),
            ({"pattern": "* * * * *", "tz": 5}, "no time zone"),
            ({"pattern": "* * * * *", "offset": 5}, "offset belongs to every"),
            ({"pattern": "* * * * *", "immediately": True, "start_date": START}, "contradict"),
            ({"every": 5, "tz": "UTC"}, "tz belongs to pattern"),
            ({"every": 5, "offset": 5}, "offset is a whole number from 0 to 4"),
            ({"every": 5, "offset": -1}, "offset is a whole number"),
            ({"every": 5, "limit": 0}, "limit is a whole number"),
            ({"every": 5, "limit": "3"}, "limit is a whole number"),
            ({"every": 5, "end_date": START - 1}, "has passed"),
            ({"every": 5, "end_date": 10**18}, "end_date is a whole number"),
            ({"every": 5, "start_date": -1}, "start_date is a whole number"),
            ({"every": 5, "start_date": 1.5}, "start_date is Unix ms"),
            ({"every": 5, "start_date": datetime(2030, 1, 1)}, "has no time zone"),
            ({"every": 5, "start_date": START + 9, "end_date": START + 8}, "is after end_date"),
            ({"every": 5, "options": {"delay": 5}}, "delay cannot be given"),
            ({"every": 5, "options": {"job_id": "x"}}, "job_id cannot be given"),
            ({"every": 5, "options": {"timestamp": 5}}, "timestamp cannot be given"),
            ({"every": 5, "options": {"parent": {"id": "1", "queue": "bull:q"}}}, "parent cannot"),
            ({"every": 5, "options": {"attemps": 5}}, "did you mean 'attempts'"),
            ({"every": 5, "name": ""}, "name is non-empty"),
        ],
    )
    def test_wrong_options_are_named(self, queue, stored, options, reason):
        with pytest.raises(InvalidOption, match=reason):
            queue.upsert_job_scheduler("s", **options)
        assert stored.all_keys() == set()

    @pytest.mark.parametrize("scheduler_id", ["", None, 5, "\ud800"])
    def test_wrong_ids_are_named(self, queue, stored, scheduler_id):
        for act in (queue.get_job_scheduler, queue.remove_job_scheduler):
            with pytest.raises(InvalidOption, match="job scheduler's id"):
                act(scheduler_id)
        with pytest.raises(InvalidOption, match="job scheduler's id"):
            queue.upsert_job_scheduler(scheduler_id, every=5)
        assert stored.all_keys() == set()

    def test_data_that_cannot_be_stored_is_named(self, queue, stored):
        with pytest.raises(UnserializableData):
            queue.upsert_job_scheduler("s", every=5, data=object())
        with pytest.raises(JobTooLarge):
            queue.upsert_job_scheduler("s", every=5, data="xxxx", options={"size_limit": 3})
        assert stored.all_keys() == set()

    def test_a_damaged_key_changes_nothing(self, queue, stored):
        stored.run("SET", stored.keys.repeat, "x")
        with pytest.raises(Exception, match=r"WRONGTYPE|wrong kind"):
            queue.upsert_job_scheduler("s", every=5)
        assert stored.all_keys() == {"repeat"}

    def test_an_id_of_any_text_is_fine(self, queue, hand):
        for scheduler_id in ("a:b:c", 'with "quotes" and \\', "ünï 日本", "5", "x" * 300, "a\nb"):
            job = queue.upsert_job_scheduler(scheduler_id, every=DAY)
            assert job.opts["jobId"] == job.id == f"repeat:{scheduler_id}:{START}"
            assert queue.get_job(job.id) == job
            assert queue.get_job_scheduler(scheduler_id).id == scheduler_id
        for _ in range(6):
            run_next(queue)
        assert queue.get_job_schedulers_count() == 6
        assert {each.next for each in queue.get_job_schedulers()} == {START + DAY}

    def test_immediately_with_an_interval_is_only_a_warning(self, queue, caplog):
        assert slot_of(queue.upsert_job_scheduler("s", every=MINUTE, immediately=True)) == START
        assert "at once anyway" in caplog.text


class TestWorkers:
    """A worker does the same as driving by hand."""

    def test_a_worker_runs_a_schedule(self, queue, stored, start_worker, hand):
        ran = []
        queue.upsert_job_scheduler("s", every=1_000, limit=4)
        start_worker(lambda delivery: ran.append(slot_of(delivery.job)) or hand.forward(1_000))
        wait_until(lambda: len(stored.ids("completed")) == 4)
        assert ran == [START + step * 1_000 for step in range(4)]
        assert pending(stored) == []

    def test_a_batch_of_runs_costs_one_more_trip_and_others_none(self, queue, stored, hands):
        sent = []

        class Counting:
            """A driver that notes what it sends."""

            def execute(self, command):
                sent.append(1)
                return hands.queue.driver.execute(command)

            def execute_many(self, commands):
                sent.append(len(commands))
                return hands.queue.driver.execute_many(commands)

        queue.upsert_job_scheduler("first", every=MINUTE)
        run_next(queue)  # the server knows the script now
        for number in range(5):
            queue.upsert_job_scheduler(f"s{number}", every=MINUTE)
        jobs = [delivery.job for delivery in hands.take(5)]
        run_steps(Counting(), advance(hands.queue.keys, jobs, START))
        assert sent == [5]
        assert len(pending(stored)) == 6
        queue.add("x")
        plain = [delivery.job for delivery in hands.take(1)]
        run_steps(Counting(), advance(hands.queue.keys, plain, START))
        assert sent == [5]
