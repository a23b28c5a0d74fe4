"""Jobs in no state are deleted, or wait again (protocol 8.6)."""

from __future__ import annotations

import pytest

from bullrush.core import Completed, Failed
from bullrush.core.errors import InvalidOption
from bullrush.core.operations import orphans
from tests.support.by_hand import make_armed, make_parent, set_field


class TestOrphans:
    """Jobs in no state."""

    @pytest.fixture
    def lost(self, queue, stored):
        """One job in each state, and two that have lost theirs, one of them with a log."""
        queue.add("waiting")
        queue.add("prioritized", priority=1)
        queue.add("delayed", delay=60_000)
        lost = [queue.add("lost").id, queue.add("lost", delay=60_000).id]
        queue.add_log(lost[0], "row")
        stored.run("LREM", stored.keys.wait, 1, lost[0])
        stored.run("ZREM", stored.keys.delayed, lost[1])
        return lost

    def test_they_are_deleted_with_all_they_have(self, queue, stored, lost):
        stored.run("SET", stored.keys.job_part("gone", "logs"), "x")
        assert queue.remove_orphaned_jobs() == 3
        assert not any(each.split(":")[0] in (*lost, "gone") for each in stored.all_keys())
        assert queue.count() == 3
        assert queue.remove_orphaned_jobs() == 0

    def test_jobs_in_any_state_stay(self, queue, stored, hands):
        for n in range(3):
            queue.add("x", n)
        taken = hands.take(3)
        hands.commit(taken[0], Completed(None))
        hands.commit(taken[1], Failed("boom"))
        queue.add("parent")
        stored.run("RENAME", stored.keys.wait, stored.keys.paused)
        stored.run("ZADD", stored.keys.waiting_children, 1, queue.add("x", delay=9).id)
        assert queue.remove_orphaned_jobs() == 0
        assert queue.restore_orphaned_jobs() == 0

    def test_metrics_and_foreign_keys_are_no_jobs(self, queue, stored):
        queue.add("x")
        foreign = {
            stored.keys.metrics_failed: ("HSET", "count", 1),
            stored.keys.job("ours"): ("SET", "text"),
            stored.keys.job("theirs") + ":part": ("SET", "text"),
            stored.keys.deduplication + "d": ("SET", "9"),
        }
        for key, (verb, *values) in foreign.items():
            stored.run(verb, key, *values)
        armed = make_armed(stored, "delayed")
        stored.run("DEL", stored.keys.delayed)
        assert queue.remove_orphaned_jobs() == 0
        assert all(stored.exists(key) for key in (*foreign, stored.keys.job(armed)))

    def test_a_job_with_a_lock_is_left_alone(self, queue, hands, stored):
        job = queue.add("x").id
        hands.take()
        stored.run("DEL", stored.keys.active)
        assert queue.remove_orphaned_jobs() == 0
        assert stored.exists(stored.keys.job(job))

    @pytest.mark.usefixtures("lost")
    def test_no_more_than_the_limit_are_deleted(self, queue):
        assert queue.remove_orphaned_jobs(limit=1) == 1
        assert queue.remove_orphaned_jobs(count=1, limit=5) == 1

    def test_unfinished_ones_can_wait_again(self, queue, stored, lost, hands):
        finished = queue.add("finished").id
        set_field(stored, finished, "finished_on", 1)
        stored.run("LREM", stored.keys.wait, 1, finished)
        stored.run("DEL", stored.keys.marker)
        assert queue.restore_orphaned_jobs() == 2
        assert stored.marker() == {"0": 0}
        assert {each.job.id for each in hands.take(2)} == set(lost)
        assert queue.get_state(finished) == "unknown"

    def test_a_job_lost_by_a_5x_resume_is_restored(self, queue, stored, hands):
        old = queue.add("old").id
        stored.run("RENAME", stored.keys.wait, stored.keys.paused)
        lost = queue.add("lost", priority=0).id
        stored.run("RENAME", stored.keys.paused, stored.keys.wait)
        assert queue.get_state(lost) == "unknown"
        assert queue.restore_orphaned_jobs() == 1
        assert [each.job.id for each in hands.take(2)] == [lost, old]

    def test_a_parent_of_pending_children_is_not_restored(self, queue, stored):
        child = queue.add("x").id
        make_parent(stored, child)
        stored.run("DEL", stored.keys.waiting_children)
        assert queue.restore_orphaned_jobs() == 0

    @pytest.mark.usefixtures("lost")
    def test_little_work_a_slice_ends_with_the_same_result(self, queue, monkeypatch):
        monkeypatch.setattr(orphans, "_EFFORT", 1)
        assert queue.remove_orphaned_jobs() == 2

    @pytest.mark.parametrize("bad", [{"count": 0}, {"count": 1.5}, {"limit": -1}])
    def test_wrong_numbers_are_refused(self, queue, bad):
        with pytest.raises(InvalidOption, match=f"{next(iter(bad))} is a whole number"):
            queue.remove_orphaned_jobs(**bad)
