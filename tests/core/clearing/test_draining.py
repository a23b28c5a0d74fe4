"""`drain` takes what waits, and lets parents of what it took run (protocol 8.2)."""

from __future__ import annotations

import pytest

from bullrush.core import Queue
from bullrush.core.calls import run
from bullrush.core.errors import SchedulerOwnsJob, WrongState
from bullrush.core.operations import clearing
from tests.support.by_hand import finish, make_armed, make_parent


class TestDrain:
    """`drain`."""

    def test_everything_that_waits_goes_without_an_event(self, queue, stored, hands):
        active = queue.add("x").id
        hands.take()
        for _ in range(3):
            queue.add("x")
            queue.add("x", priority=2)
        late = queue.add("x", delay=60_000).id
        before = stored.event_names()
        assert queue.drain() == 6
        assert queue.get_job_counts("waiting", "prioritized", "delayed", "active") == {
            "waiting": 0,
            "prioritized": 0,
            "delayed": 1,
            "active": 1,
        }
        assert stored.event_names() == before
        hashes = {key for key in stored.all_keys() if key.isdigit()}
        assert hashes == {active, late}

    def test_delayed_jobs_go_on_request(self, queue, stored):
        queue.add("x", delay=60_000)
        queue.add("x")
        assert queue.drain(delayed=True) == 2
        assert stored.ids("delayed") == []

    def test_the_list_of_a_5x_pause_is_drained_too(self, queue, stored):
        queue.add("x")
        stored.run("RENAME", stored.keys.wait, stored.keys.paused)
        assert queue.drain() == 1
        assert not stored.exists(stored.keys.paused)

    @pytest.mark.usefixtures("small_slices")
    @pytest.mark.parametrize("place", ["wait", "prioritized", "delayed"])
    def test_the_armed_run_of_a_scheduler_stays_wherever_it_stands(self, queue, stored, place):
        options = {"wait": {}, "prioritized": {"priority": 1}, "delayed": {"delay": 60_000}}[place]
        for _ in range(5):
            queue.add("x", **options)
        armed = make_armed(stored, place)
        for _ in range(5):
            queue.add("x", **options)
        assert queue.drain(delayed=True) == 10
        assert stored.ids(place) == [armed]
        assert stored.exists(stored.keys.job(armed))

    def test_a_past_run_of_a_scheduler_is_an_ordinary_job(self, queue, stored):
        make_armed(stored, "wait", due=1000)
        stored.run("ZADD", stored.keys.repeat, 2000, "tick")
        assert queue.drain() == 1

    @pytest.mark.usefixtures("small_slices")
    def test_long_queues_go_in_slices_and_jobs_added_meanwhile_stay(self, queue, stored, url):
        for n in range(8):
            queue.add("old", n)
        steps = clearing.ClearingOperations.drain.build(queue)
        call = next(steps)
        with Queue(queue.name, url=url) as other:
            reply = run(other.driver, call)
            for _ in range(5):
                other.add("new")
            removed = finish(other, steps, reply)
        assert removed == 8
        assert [job.name for job in queue.get_waiting()] == ["new"] * 5

    def test_ids_without_a_job_go_too(self, queue, stored):
        stored.run("RPUSH", stored.keys.wait, "ghost1", "ghost2")
        assert queue.drain() == 2
        assert stored.all_keys() == set()

    def test_a_drained_job_frees_its_deduplication_id(self, queue, stored):
        queue.add("x", deduplication="d")
        queue.drain()
        assert queue.get_deduplication_job_id("d") is None

    def test_a_key_that_is_no_job_is_left_alone(self, queue, stored):
        stored.run("SET", stored.keys.job("text"), "foreign")
        stored.run("RPUSH", stored.keys.wait, "text")
        assert queue.drain() == 1
        assert stored.run("GET", stored.keys.job("text")) == b"foreign"


class TestParents:
    """What becomes of a parent whose child is swept away (part 2, rule R3)."""

    @pytest.mark.parametrize("sweep", ["drain", "clean", "obliterate"])
    def test_a_parent_in_another_queue_runs_without_an_event(self, queue, stored, sweep):
        child = queue.add("x").id
        other = make_parent(stored, child, f"{queue.name}-parents")
        {
            "drain": queue.drain,
            "clean": lambda: queue.clean(0, type="wait"),
            "obliterate": queue.obliterate,
        }[sweep]()
        assert (other.ids("wait"), other.ids("waiting_children")) == (["parent"], [])
        assert other.marker() == {"0": 0}
        assert other.events() == []
        assert other.exists(other.keys.job("parent"))

    @pytest.mark.parametrize("sweep", ["drain", "clean"])
    def test_of_several_parents_that_of_the_oldest_job_runs_first(self, queue, stored, sweep):
        for name in ("first", "second", "third"):
            other = make_parent(stored, queue.add("x").id, f"{queue.name}-parents", name)
        queue.drain() if sweep == "drain" else queue.clean(0, type="wait")
        # The right end is next.
        assert other.ids("wait") == ["third", "second", "first"]

    @pytest.mark.parametrize("sweep", ["drain", "clean"])
    def test_a_parent_in_the_same_queue_goes_too(self, queue, stored, sweep):
        child = queue.add("x").id
        make_parent(stored, child)
        queue.drain() if sweep == "drain" else queue.clean(0, type="wait")
        assert stored.ids("waiting_children") == []
        assert not any("parent" in key for key in stored.all_keys())


def test_an_armed_run_cannot_be_removed_alone(queue, stored):
    armed = make_armed(stored, "delayed")
    with pytest.raises(SchedulerOwnsJob):
        queue.remove(armed)
    queue.promote(armed)
    with pytest.raises(SchedulerOwnsJob):
        queue.remove(armed)
    with pytest.raises(WrongState):
        queue.promote(armed)
