"""`obliterate` leaves nothing of a queue (protocol 8.4)."""

from __future__ import annotations

import pytest

from bullrush.core import Completed, Failed, Queue
from bullrush.core.calls import run
from bullrush.core.errors import CannotObliterate, InvalidOption
from bullrush.core.operations import clearing
from tests.support.by_hand import make_armed


class TestObliterate:
    """`obliterate`."""

    @pytest.mark.usefixtures("small_slices")
    def test_nothing_is_left_of_a_queue(self, queue, hands, stored):
        for n in range(4):
            queue.add("x", deduplication=f"d{n}")
            queue.add("x", priority=1)
            queue.add("x", delay=60_000)
        for outcome in (Completed(1), Failed("boom")):
            hands.commit(hands.take()[0], outcome)
        queue.add("x", delay=1)
        make_armed(stored, "delayed")
        stored.run("RPUSH", stored.keys.paused, "old")
        stored.run("ZADD", stored.keys.waiting_children, 1, "parent")
        stored.run("HSET", stored.keys.job("parent"), "name", "parent")
        # The key of a job that is gone, with an add that was to follow it.
        stored.run("SET", stored.keys.deduplication + "d3", "gone")
        stored.run("HSET", stored.keys.deduplication_next + "d3", "name", "x")
        queue.set_global_rate_limit(9, 60_000)
        queue.rate_limit(60_000)
        queue.obliterate()
        assert stored.all_keys() == set()

    def test_a_queue_with_active_jobs_stays(self, queue, hands, stored):
        job = queue.add("x").id
        hands.take()
        with pytest.raises(CannotObliterate, match="Cannot obliterate queue with active jobs"):
            queue.obliterate()
        assert (stored.ids("active"), queue.is_paused()) == ([job], True)

    def test_force_takes_active_jobs_with_their_locks(self, queue, hands, stored):
        queue.add("x")
        (taken,) = hands.take()
        queue.obliterate(force=True)
        assert stored.all_keys() == set()
        assert hands.commit(taken, Completed(1)) == -1
        assert not any(key.isdigit() for key in stored.all_keys())

    @pytest.mark.usefixtures("small_slices")
    def test_a_queue_that_somebody_resumes_meanwhile_stays(self, queue, stored, url):
        for _ in range(5):
            queue.add("x")
        steps = clearing.ClearingOperations.obliterate.build(queue)
        with Queue(queue.name, url=url) as other:
            run(other.driver, next(steps))
            reply = run(other.driver, steps.send(None))
            other.resume()
            with pytest.raises(CannotObliterate, match="Cannot obliterate non-paused queue"):
                steps.send(run(other.driver, steps.send(reply)))
        assert queue.get_waiting_count() == 2

    def test_an_empty_queue_is_fine(self, queue, stored):
        queue.obliterate()
        assert stored.all_keys() == set()

    def test_it_begins_anew(self, queue):
        queue.add("x")
        queue.obliterate()
        assert queue.add("x").id == "1"
        assert not queue.is_paused()

    @pytest.mark.parametrize("bad", [0, -1, 1.5, 1001, "3"])
    def test_the_size_of_a_step_is_checked_first(self, queue, bad):
        with pytest.raises(InvalidOption, match="count is a whole number from 1 to 1000"):
            queue.obliterate(count=bad)
        assert not queue.is_paused()


def test_a_key_of_very_old_versions_is_deleted(queue, stored):
    assert not queue.remove_deprecated_priority_key()
    stored.run("ZADD", stored.keys.legacy_priority, 1, "x")
    assert queue.remove_deprecated_priority_key()
    assert stored.all_keys() == set()
