"""Getters: counts, lists and pages of jobs, what stands in meta (protocol part 1, section 8.7)."""

from __future__ import annotations

import pytest

from bullrush.core import Completed, QueueMeta
from bullrush.core.errors import InvalidOption
from bullrush.core.keys import META_FIELDS
from bullrush.core.operations.listing import ListingOperations

SEVEN = ("active", "completed", "delayed", "failed", "prioritized", "waiting", "waiting-children")


def names(jobs):
    """The names of jobs, in order."""
    return [job.name for job in jobs]


@pytest.fixture
def ghosts(queue, stored):
    """Ten waiting jobs of which the second and the third have lost their hash."""
    for n in range(1, 11):
        queue.add(f"j{n}")
    stored.run("DEL", stored.keys.job("2"), stored.keys.job("3"))


class TestPages:
    """`get_jobs` and `get_ranges`."""

    def test_positions_count_in_each_state_by_itself(self, queue):
        for n in range(4):
            queue.add(f"w{n}")
            queue.add(f"d{n}", delay=60_000 + n)
        page = queue.get_jobs("waiting", "delayed", start=1, end=2, ascending=True)
        assert names(page) == ["w1", "w2", "d1", "d2"]

    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            (-3, -1, ["w2", "w3", "w4"]),
            (0, -4, ["w0", "w1"]),
            (-9, 0, ["w0"]),
            (3, 99, ["w3", "w4"]),
            (3, 2, []),
            (7, 9, []),
            (0, -9, []),
        ],
    )
    def test_negative_positions_count_from_the_end(self, queue, start, end, expected):
        for n in range(5):
            queue.add(f"w{n}")
        assert names(queue.get_jobs("waiting", start=start, end=end, ascending=True)) == expected
        ids = queue.get_ranges("waiting", start=start, end=end, ascending=True)
        assert [queue.get_job(each).name for each in ids] == expected

    @pytest.mark.usefixtures("ghosts")
    def test_a_page_is_filled_with_what_follows_ids_without_a_job(self, queue):
        page = queue.get_jobs("waiting", start=1, end=3, ascending=True)
        assert names(page) == ["j4", "j5", "j6"]

    @pytest.mark.usefixtures("ghosts")
    def test_ids_are_listed_with_and_without_a_job(self, queue):
        assert queue.get_ranges("waiting", end=2, ascending=True) == ["1", "2", "3"]

    def test_a_page_is_filled_up_five_times_at_most(self, queue, stored):
        stored.run("RPUSH", stored.keys.wait, *(f"ghost{n}" for n in range(20)))
        queue.add("real")
        assert names(queue.get_jobs("waiting", start=0, end=2)) == ["real"]
        assert names(queue.get_jobs("waiting", start=0, end=2, ascending=True)) == []

    def test_long_ranges_are_read_in_pages(self, queue, stored):
        ids = [f"id{n}" for n in range(1203)]
        for job_id in ids:
            stored.run("HSET", stored.keys.job(job_id), "name", job_id)
        stored.run("RPUSH", stored.keys.wait, *ids)
        assert queue.get_ranges("waiting", end=-1) == ids
        assert names(queue.get_jobs("waiting")) == ids
        assert names(queue.get_jobs("waiting", ascending=True, end=1100)) == ids[:101:-1]

    def test_no_more_ids_are_asked_for_than_are_returned(self, queue):
        for n in range(9):
            queue.add(f"w{n}")
        for end, last in ((4, 4), (5000, 1001)):
            steps = ListingOperations.get_ranges.build(queue, "active", "delayed", start=2, end=end)
            calls = next(steps).calls
            assert [call.command[-2:] for call in calls] == [(2, last), (2, last)]
            with pytest.raises(StopIteration):
                steps.send([["a"], []])

    def test_what_a_paused_5x_queue_left_is_listed_as_next(self, queue, stored):
        for name in "abc":
            queue.add(name)
        stored.run("RENAME", stored.keys.wait, stored.keys.paused)
        for name in "de":
            queue.add(name)
        assert names(queue.get_waiting()) == list("abcde")
        assert names(queue.get_waiting(2, 3)) == list("cd")
        assert names(queue.get_jobs("waiting")) == list("edcba")
        assert names(queue.get_jobs("waiting", start=1, end=2)) == list("dc")
        assert names(queue.get_jobs("waiting", start=3, end=9)) == list("ba")

    def test_an_unknown_state_or_a_fraction_is_refused(self, queue):
        with pytest.raises(InvalidOption, match="did you mean 'waiting'"):
            queue.get_jobs("wait")
        with pytest.raises(InvalidOption, match="start is a whole number"):
            queue.get_jobs("waiting", start=0.5)
        with pytest.raises(InvalidOption, match="end is a whole number"):
            queue.get_ranges(end="1")


def test_each_state_has_its_getter_in_its_order(queue, hands, stored):
    for name in ("done", "broken", "running1", "running2", "next", "last"):
        queue.add(name)
    queue.add("low", priority=9)
    queue.add("high", priority=1)
    queue.add("late", delay=90_000)
    queue.add("soon", delay=60_000)
    parent = queue.add("parent", delay=1)
    stored.run("ZREM", stored.keys.delayed, parent.id)
    stored.run("ZADD", stored.keys.waiting_children, 1, parent.id)
    taken = hands.take(4)
    hands.commit(taken[0], Completed(None))
    hands.commit(taken[1], Completed(None), now=taken[0].job.timestamp + 1)
    assert names(queue.get_waiting()) == ["next", "last"]
    assert names(queue.get_active()) == ["running1", "running2"]
    assert names(queue.get_prioritized()) == ["high", "low"]
    assert names(queue.get_delayed()) == ["soon", "late"]
    assert names(queue.get_waiting_children()) == ["parent"]
    assert set(names(queue.get_completed())) == {"broken", "done"}
    assert names(queue.get_completed(0, 0)) == names(queue.get_completed())[:1]
    assert queue.get_failed() == []


class TestCounts:
    """How many there are."""

    def test_each_state_has_its_count(self, queue, hands):
        for _ in range(3):
            queue.add("x")
        queue.add("x", priority=1)
        queue.add("x", delay=60_000)
        taken = hands.take(2)
        hands.commit(taken[0], Completed(None))
        assert queue.get_waiting_count() == 1
        assert queue.get_active_count() == 1
        assert queue.get_prioritized_count() == 1
        assert queue.get_delayed_count() == 1
        assert queue.get_completed_count() == 1
        assert queue.get_failed_count() == 0
        assert queue.get_waiting_children_count() == 0
        assert queue.count() == 3

    def test_delayed_jobs_are_counted_up_to_a_time(self, queue):
        for delay in (10, 20, 20, 30):
            queue.add("x", delay=delay, timestamp=1_000_000)
        assert queue.get_delayed_count() == 4
        assert queue.get_delayed_count(before=1_000_020) == 1
        assert queue.get_delayed_count(before=1_000_021) == 3
        with pytest.raises(InvalidOption, match="before"):
            queue.get_delayed_count(before=-1)

    def test_jobs_are_counted_per_priority(self, queue):
        for priority in (0, 3, 3, 2_097_151):
            queue.add("x", priority=priority)
        expected = {0: 1, 1: 0, 3: 2, 2_097_151: 1}
        assert queue.get_counts_per_priority([0, 1, 3, 3, 2_097_151]) == expected
        first = queue.add("x", priority=7).id
        queue.change_priority(first, 4, lifo=True)
        assert queue.get_counts_per_priority([3, 4]) == {3: 2, 4: 1}
        with pytest.raises(InvalidOption, match="priority"):
            queue.get_counts_per_priority([2_097_152])

    def test_jobs_of_a_paused_5x_queue_count_as_waiting(self, queue, stored):
        queue.add("x")
        stored.run("RENAME", stored.keys.wait, stored.keys.paused)
        assert (queue.get_waiting_count(), queue.count()) == (1, 1)
        assert queue.get_counts_per_priority([0]) == {0: 1}

    def test_a_state_named_twice_is_counted_once(self, queue):
        queue.add("x")
        assert queue.get_job_counts("waiting", "waiting") == {"waiting": 1}


class TestMeta:
    """What stands in the meta hash."""

    def test_a_new_queue_has_nothing_set(self, queue):
        assert queue.get_meta() == QueueMeta(False, None, None, None, None, None)
        assert queue.get_version() is None

    def test_all_settings_are_read(self, queue, stored):
        queue.pause()
        queue.set_global_concurrency(4)
        queue.set_global_rate_limit(5, 600)
        queue.set_max_events(700)
        stored.run("HSET", stored.keys.meta, META_FIELDS["version"], "bullmq:6.7.0")
        assert queue.get_meta() == QueueMeta(True, 4, 5, 600, 700, "bullmq:6.7.0")
        assert queue.get_version() == "bullmq:6.7.0"

    def test_what_is_no_number_counts_as_not_set(self, queue, stored):
        for name in ("concurrency", "max", "duration", "max_events"):
            stored.run("HSET", stored.keys.meta, META_FIELDS[name], "many")
        assert queue.get_meta() == QueueMeta(False, None, None, None, None, None)

    def test_the_length_of_the_stream_is_left_to_who_chose_it(self, queue, make_queue):
        queue.set_max_events(123)
        make_queue().add("x")
        assert queue.get_meta().max_events == 123

    def test_the_stream_is_cut(self, queue, stored):
        for _ in range(300):
            stored.run("XADD", stored.keys.events, "*", "event", "x")
        assert queue.trim_events(0) > 0
        assert stored.run("XLEN", stored.keys.events) < 300
        with pytest.raises(InvalidOption, match="length"):
            queue.trim_events(-1)


def test_the_state_of_a_job_is_found_without_reading_the_job(queue, stored):
    job = queue.add("x", "y" * 1000)
    assert queue.get_state(job.id) == "waiting"
    stored.run("LPUSH", stored.keys.wait, "ghost")
    assert queue.get_state("ghost") == "unknown"
    assert queue.get_state("wait") == "unknown"


def test_logs_are_read_from_either_end(queue):
    job = queue.add("x")
    for row in "abcd":
        queue.add_log(job.id, row)
    assert queue.get_logs(job.id) == list("abcd")
    assert queue.get_logs(job.id, 0, 1) == ["a", "b"]
    assert queue.get_logs(job.id, ascending=False) == list("dcba")
    assert queue.get_logs(job.id, 0, 1, ascending=False) == ["d", "c"]
    assert queue.get_logs(job.id, 1, 2, ascending=False) == ["c", "b"]
    assert queue.get_logs_count(job.id) == 4
    assert (queue.get_logs("nobody"), queue.get_logs_count("nobody")) == ([], 0)


def test_an_id_that_is_no_text_is_listed_like_any_other(queue, stored):
    key = stored.keys.base.encode() + b"\xff\xfe"
    stored.run("HSET", key, "name", "odd")
    stored.run("LPUSH", stored.keys.wait, b"\xff\xfe")
    (job,) = queue.get_jobs("waiting")
    assert (job.name, queue.get_job(job.id)) == ("odd", job)
    assert queue.clean(0, type="wait") == [job.id]
    assert not stored.exists(key)
