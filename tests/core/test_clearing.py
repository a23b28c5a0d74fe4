"""Taking many jobs away: drain, clean, obliterate, orphans (protocol 8.2 to 8.6)."""

from __future__ import annotations

import json

import pytest

from bullrush.core import Completed, Failed, Queue
from bullrush.core.calls import run
from bullrush.core.clock import now_ms
from bullrush.core.errors import (
    CannotObliterate,
    InvalidOption,
    SchedulerOwnsJob,
    ServerError,
    WrongState,
)
from bullrush.core.job import FIELDS
from bullrush.core.operations import clearing, orphans
from tests.support.stored import Stored


@pytest.fixture
def small_slices(monkeypatch):
    """Three jobs a slice, so that a handful needs several."""
    monkeypatch.setattr(clearing, "SLICE", 3)
    monkeypatch.setattr(
        clearing.ClearingOperations.obliterate.build, "__kwdefaults__", {"force": False, "count": 3}
    )


def set_field(stored, job_id, name, value):
    """Write one field of a job, as another process might."""
    stored.run("HSET", stored.keys.job(job_id), FIELDS[name], value)


def make_parent(stored, child_id, parent_queue=None, parent_id="parent"):
    """Let a job be the only child of a parent that waits for it, here or in another queue."""
    other = Stored(stored.driver, parent_queue) if parent_queue else stored
    key = other.keys.job(parent_id)
    stored.run("HSET", key, "name", "parent", "data", "{}", "opts", "{}", "timestamp", 1)
    stored.run("ZADD", other.keys.waiting_children, 1, parent_id)
    stored.run("SADD", other.keys.job_part(parent_id, "dependencies"), stored.keys.job(child_id))
    set_field(stored, child_id, "parent_key", key)
    reference = {"id": parent_id, "queueKey": other.keys.qualified}
    set_field(stored, child_id, "parent", json.dumps(reference))
    return other


def make_armed(stored, place, scheduler="tick", due=1000):
    """Put the next run of a job scheduler into a place; its id."""
    job_id = f"repeat:{scheduler}:{due}"
    stored.run("ZADD", stored.keys.repeat, due, scheduler)
    stored.run("HSET", f"{stored.keys.repeat}:{scheduler}", "name", "x", "ic", 1)
    stored.run("HSET", stored.keys.job(job_id), "name", "x", "timestamp", 1)
    set_field(stored, job_id, "scheduler_id", scheduler)
    if place in ("wait", "active"):
        stored.run("LPUSH", getattr(stored.keys, place), job_id)
    else:
        stored.run("ZADD", getattr(stored.keys, place), due, job_id)
    return job_id


def finish(queue, steps, reply):
    """Run the rest of an operation whose first call was run by hand; its result."""
    try:
        while True:
            reply = run(queue.driver, steps.send(reply))
    except StopIteration as end:
        return end.value


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


class TestClean:
    """`clean`."""

    def test_finished_jobs_go_by_the_time_they_finished(self, queue, hands, stored):
        jobs = [queue.add("x").id for _ in range(4)]
        now = now_ms()
        for age, taken in zip((9000, 6000, 3000, 0), hands.take(4), strict=True):
            hands.commit(taken, Completed(None), now=now - age)
        assert queue.clean(5000) == jobs[:2]
        assert stored.ids("completed") == jobs[2:]
        assert stored.events()[-1] == {"event": "cleaned", "count": "2"}
        assert queue.get_job(jobs[0]) is None

    def test_no_more_than_the_limit_go_and_the_oldest_first(self, queue, hands, stored):
        jobs = [queue.add("x").id for _ in range(5)]
        now = now_ms()
        for age, taken in zip(range(50, 45, -1), hands.take(5), strict=True):
            hands.commit(taken, Failed("boom"), now=now - age * 1000)
        assert queue.clean(0, 3, "failed") == jobs[:3]
        assert stored.ids("failed") == jobs[3:]

    def test_nothing_to_clean_is_told_once(self, queue, stored):
        assert queue.clean(0) == []
        assert stored.events() == [{"event": "cleaned", "count": "0"}]

    @pytest.mark.usefixtures("small_slices")
    @pytest.mark.parametrize("place", ["wait", "prioritized", "delayed"])
    def test_young_jobs_stay_in_their_order(self, queue, stored, place):
        options = {"wait": {}, "prioritized": {"priority": 1}, "delayed": {"delay": 60_000}}[place]
        young, old = [], []
        for n in range(11):
            job_id = queue.add("x", **options).id
            (young if n % 3 else old).append(job_id)
            if n % 3 == 0:
                set_field(stored, job_id, "timestamp", now_ms() - 9000)
        armed = make_armed(stored, place)
        before = [each for each in stored.ids(place) if each not in old]
        assert sorted(queue.clean(5000, type=place)) == sorted(old)
        assert stored.ids(place) == before
        assert armed in before
        counts = [int(each["count"]) for each in stored.events() if each["event"] == "cleaned"]
        assert sum(counts) == len(old)
        assert 0 not in counts

    @pytest.mark.usefixtures("small_slices")
    def test_the_limit_counts_jobs_that_go_and_not_those_looked_at(self, queue, stored):
        jobs = [queue.add("x").id for _ in range(9)]
        for job_id in jobs[4:]:
            set_field(stored, job_id, "timestamp", 1)
        assert sorted(queue.clean(5000, 4, "wait")) == jobs[4:8]
        assert stored.ids("wait") == [jobs[8], *jobs[3::-1]]

    def test_waiting_is_another_word_for_wait(self, queue):
        job = queue.add("x").id
        assert queue.clean(0, type="waiting") == [job]

    def test_the_list_of_a_5x_pause_is_cleaned_by_its_name(self, queue, stored):
        job = queue.add("x").id
        stored.run("RENAME", stored.keys.wait, stored.keys.paused)
        assert queue.clean(0, type="wait") == []
        assert queue.clean(0, type="paused") == [job]

    def test_active_jobs_go_when_no_worker_holds_them(self, queue, hands, stored):
        held, lost = queue.add("x").id, queue.add("x").id
        hands.take(2, now=now_ms() - 60_000)
        stored.run("DEL", stored.keys.job_part(lost, "lock"))
        assert queue.clean(30_000, type="active") == [lost]
        assert stored.ids("active") == [held]

    @pytest.mark.parametrize(
        ("place", "fields", "goes"),
        [
            ("wait", {"timestamp": 1, "processed_on": "now"}, False),
            ("wait", {"timestamp": "now", "finished_on": 1}, True),
            ("delayed", {"timestamp": 1, "processed_on": "now"}, False),
            ("delayed", {"timestamp": "now", "finished_on": 1}, False),
            ("prioritized", {"timestamp": 1, "processed_on": "now"}, True),
            ("prioritized", {"timestamp": "now", "processed_on": 1}, False),
            ("wait", {"timestamp": "rubbish"}, True),
        ],
    )
    def test_which_time_counts_depends_on_the_place(self, queue, stored, place, fields, goes):
        options = {"wait": {}, "prioritized": {"priority": 1}, "delayed": {"delay": 60_000}}[place]
        job = queue.add("x", **options).id
        for name, value in fields.items():
            set_field(stored, job, name, now_ms() if value == "now" else value)
        assert queue.clean(5000, type=place) == ([job] if goes else [])

    def test_a_job_without_any_time_counts_as_old(self, queue, stored):
        stored.run("RPUSH", stored.keys.wait, "ghost")
        assert queue.clean(5000, type="wait") == ["ghost"]

    @pytest.mark.usefixtures("small_slices")
    def test_no_job_is_passed_over_when_workers_take_some_meanwhile(self, queue, stored, url):
        jobs = [queue.add("x").id for _ in range(9)]
        for job_id in jobs[6:]:
            set_field(stored, job_id, "timestamp", 1)
        for taken, left in ((2, jobs[5:1:-1]), (4, jobs[5:3:-1])):
            steps = clearing.ClearingOperations.clean.build(queue, 5000, type="wait")
            with Queue(queue.name, url=url) as other:
                reply = run(other.driver, next(steps))
                for _ in range(taken):
                    stored.run("RPOPLPUSH", stored.keys.wait, stored.keys.active)
                removed = finish(other, steps, reply)
            assert sorted(removed) == jobs[6:]
            assert stored.ids("wait") == left
            stored.run("DEL", stored.keys.active, stored.keys.wait)
            stored.run("LPUSH", stored.keys.wait, *jobs)
            for job_id in jobs[6:]:
                stored.run("HSET", stored.keys.job(job_id), "timestamp", 1)

    @pytest.mark.usefixtures("small_slices")
    def test_no_prioritized_job_is_passed_over_either(self, queue, stored, url):
        jobs = [queue.add("x", priority=n + 1).id for n in range(8)]
        for job_id in jobs[5:]:
            set_field(stored, job_id, "timestamp", 1)
        steps = clearing.ClearingOperations.clean.build(queue, 5000, type="prioritized")
        with Queue(queue.name, url=url) as other:
            reply = run(other.driver, next(steps))
            stored.run("ZPOPMIN", stored.keys.prioritized, 4)
            removed = finish(other, steps, reply)
        assert removed == jobs[5:]

    def test_wrong_numbers_and_types_are_refused(self, queue, stored):
        queue.add("x")
        before = stored.all_keys()
        for arguments, words in (
            ((-1,), "grace is a whole number"),
            ((0.5,), "grace is a whole number"),
            ((0, -1), "limit is a whole number"),
            ((0, 1.5), "limit is a whole number"),
            ((0, 0, "complete"), "did you mean 'completed'"),
            ((0, 0, "waiting-children"), "unknown type of jobs to clean"),
        ):
            with pytest.raises(InvalidOption, match=words):
                queue.clean(*arguments)
        assert stored.all_keys() == before

    def test_a_damaged_key_is_noticed_before_anything_is_taken_away(self, queue, stored):
        job = queue.get_job(queue.add("x", deduplication="d").id)
        stored.run("DEL", stored.keys.deduplication + "d")
        stored.run("LPUSH", stored.keys.deduplication + "d", "x")
        for sweep in (lambda: queue.clean(0, type="wait"), queue.drain, queue.obliterate):
            with pytest.raises(ServerError, match="WRONGTYPE"):
                sweep()
        assert (stored.ids("wait"), queue.get_job(job.id)) == ([job.id], job)


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


def test_an_armed_run_cannot_be_removed_alone(queue, stored):
    armed = make_armed(stored, "delayed")
    with pytest.raises(SchedulerOwnsJob):
        queue.remove(armed)
    queue.promote(armed)
    with pytest.raises(SchedulerOwnsJob):
        queue.remove(armed)
    with pytest.raises(WrongState):
        queue.promote(armed)


def test_a_key_of_very_old_versions_is_deleted(queue, stored):
    assert not queue.remove_deprecated_priority_key()
    stored.run("ZADD", stored.keys.legacy_priority, 1, "x")
    assert queue.remove_deprecated_priority_key()
    assert stored.all_keys() == set()
