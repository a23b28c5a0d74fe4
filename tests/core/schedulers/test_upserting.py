"""A job scheduler that is upserted again, and one whose slot is taken."""

from __future__ import annotations

import pytest

from bullrush.core.errors import SchedulerIdTaken, SlotsTaken, SlotTaken
from tests.support.armed_runs import MINUTE, START, at, definition, pending, run_next, slot_of


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
