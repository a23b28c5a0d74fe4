"""The next run is made when one is taken (protocol part 2, section 2)."""

from __future__ import annotations

import pytest

from bullrush.core.advance import advance
from bullrush.core.calls import run_steps
from tests.support.armed_runs import MINUTE, START, at, definition, pending, run_next, slot_of
from tests.support.waiting import wait_until


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
