"""Limits over all workers of a queue: protocol part 2, section 4."""

from __future__ import annotations

import pytest

from bullrush.core import Completed, Limiter
from bullrush.core.errors import InvalidOption
from bullrush.core.keys import META_FIELDS
from tests.support.waiting import wait_until


class TestConcurrency:
    """How many jobs may be active at once."""

    def test_it_is_set_read_and_lifted(self, queue, stored):
        assert queue.get_global_concurrency() is None
        queue.set_global_concurrency(2)
        assert queue.get_global_concurrency() == 2
        assert stored.run("HGET", stored.keys.meta, META_FIELDS["concurrency"]) == b"2"
        queue.remove_global_concurrency()
        assert queue.get_global_concurrency() is None

    def test_no_more_jobs_are_handed_out_than_allowed(self, queue, hands):
        for _ in range(4):
            queue.add("x")
        queue.set_global_concurrency(3)
        assert (len(hands.take(2)), queue.is_maxed()) == (2, False)
        assert (len(hands.take(2)), queue.is_maxed()) == (1, True)
        assert hands.take(2) == []

    @pytest.mark.parametrize("change", ["raise", "lift"])
    def test_workers_are_woken_when_there_is_room_again(self, queue, hands, stored, change):
        queue.set_global_concurrency(1)
        queue.add("x")
        queue.add("y")
        hands.take(2)
        stored.run("DEL", stored.keys.marker)
        if change == "raise":
            queue.set_global_concurrency(2)
        else:
            queue.remove_global_concurrency()
        assert stored.marker() == {"0": 0}

    def test_nobody_is_woken_for_nothing(self, queue, hands, stored):
        queue.set_global_concurrency(1)
        queue.add("x")
        hands.take()
        stored.run("DEL", stored.keys.marker)
        queue.set_global_concurrency(2)
        queue.add("y")
        queue.pause()
        queue.remove_global_concurrency()
        assert stored.marker() == {}

    @pytest.mark.parametrize("bad", [0, -1, 1.5, "2", None, True])
    def test_a_limit_that_would_hold_the_queue_is_refused(self, queue, stored, bad):
        with pytest.raises(InvalidOption, match="concurrency is a whole number from 1"):
            queue.set_global_concurrency(bad)
        assert not stored.exists(stored.keys.meta)

    def test_what_is_no_number_is_no_limit(self, queue, hands, stored):
        stored.run("HSET", stored.keys.meta, META_FIELDS["concurrency"], "abc")
        queue.add("x")
        assert queue.get_global_concurrency() is None
        assert len(hands.take()) == 1
        assert not queue.is_maxed()

    def test_an_idle_worker_takes_what_a_higher_limit_allows(self, queue, start_worker):
        release = []
        worker = start_worker(lambda _: wait_until(lambda: release), concurrency=2, drain_delay=60)
        queue.set_global_concurrency(1)
        for _ in range(2):
            queue.add("x")
        wait_until(lambda: queue.get_active_count() == 1)
        assert queue.get_waiting_count() == 1
        queue.set_global_concurrency(2)
        wait_until(lambda: queue.get_active_count() == 2)
        release.append(True)
        wait_until(lambda: queue.get_completed_count() == 2)
        worker.stop()


class TestRate:
    """How many jobs may start in a window of time."""

    def test_it_is_set_read_and_lifted(self, queue, stored):
        assert queue.get_global_rate_limit() is None
        queue.set_global_rate_limit(3, 1000)
        assert queue.get_global_rate_limit() == Limiter(3, 1000)
        assert stored.run("HMGET", stored.keys.meta, "max", "duration") == [b"3", b"1000"]
        queue.remove_global_rate_limit()
        assert queue.get_global_rate_limit() is None
        assert not stored.exists(stored.keys.meta)

    def test_no_more_jobs_start_than_allowed(self, queue, hands):
        for _ in range(5):
            queue.add("x")
        queue.set_global_rate_limit(3, 60_000)
        assert queue.get_rate_limit_ttl() == 0
        assert len(hands.take(5)) == 3
        reply = hands.trip(most=5)
        assert (reply.jobs, reply.limited_ms > 50_000) == ([], True)
        assert 50_000 < queue.get_rate_limit_ttl() <= 60_000

    def test_a_new_window_begins_when_the_key_is_removed(self, queue, hands):
        for _ in range(4):
            queue.add("x")
        queue.set_global_rate_limit(2, 60_000)
        hands.take(4)
        assert queue.remove_rate_limit_key()
        assert len(hands.take(4)) == 2
        assert queue.remove_rate_limit_key()
        assert not queue.remove_rate_limit_key()

    def test_a_dynamic_limit_binds_workers_that_have_a_limit(self, queue, hands, stored):
        queue.add("x")
        queue.rate_limit(60_000)
        assert stored.run("GET", stored.keys.limiter) == b"9007199254740991"
        assert hands.take(limiter=Limiter(5, 1000)) == []
        assert 50_000 < queue.get_rate_limit_ttl(5) <= 60_000
        assert len(hands.take()) == 1

    def test_a_given_number_counts_before_that_of_the_queue(self, queue, stored):
        queue.set_global_rate_limit(9, 60_000)
        stored.run("SET", stored.keys.limiter, 5, "PX", 60_000)
        assert queue.get_rate_limit_ttl() == 0
        assert queue.get_rate_limit_ttl(5) > 50_000

    def test_a_window_that_never_ends_is_none(self, queue, hands, stored):
        for _ in range(3):
            queue.add("x")
        stored.run("SET", stored.keys.limiter, 5)
        assert len(hands.take(3, limiter=Limiter(2, 60_000))) == 2
        assert 50_000 < queue.get_rate_limit_ttl(2) <= 60_000

    def test_the_window_is_told_without_any_limit(self, queue, stored):
        assert queue.get_rate_limit_ttl() == -2
        assert queue.get_rate_limit_ttl(1) == 0
        stored.run("SET", stored.keys.limiter, 1)
        assert queue.get_rate_limit_ttl() == -1
        assert queue.get_rate_limit_ttl(1) == 0
        stored.run("SET", stored.keys.limiter, 1, "PX", 60_000)
        assert queue.get_rate_limit_ttl(2) == 0
        assert queue.get_rate_limit_ttl(1) > 50_000
        assert queue.get_rate_limit_ttl() > 50_000

    @pytest.mark.parametrize("bad", [0, -1, 1.5, "2", None])
    def test_both_numbers_are_checked_before_one_is_written(self, queue, stored, bad):
        for operation, name in (
            (lambda: queue.set_global_rate_limit(bad, 1000), "max"),
            (lambda: queue.set_global_rate_limit(3, bad), "duration"),
            (lambda: queue.rate_limit(bad), "duration"),
        ):
            with pytest.raises(InvalidOption, match=f"{name} is a whole number from 1"):
                operation()
        assert stored.all_keys() == set()

    def test_half_a_limit_or_no_number_is_no_limit(self, queue, hands, stored):
        stored.run("HSET", stored.keys.meta, META_FIELDS["max"], "1")
        assert queue.get_global_rate_limit() is None
        stored.run("HSET", stored.keys.meta, META_FIELDS["duration"], "abc")
        assert queue.get_global_rate_limit() is None
        for _ in range(3):
            queue.add("x")
        assert len(hands.take(2)) == 2
        stored.run("HSET", stored.keys.meta, META_FIELDS["max"], "abc")
        stored.run("HSET", stored.keys.meta, META_FIELDS["duration"], "1000")
        (taken,) = hands.take(2)
        assert hands.commit(taken, Completed(None)) == 0
        assert queue.get_rate_limit_ttl() == -2
