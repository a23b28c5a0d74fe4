"""Changing one job: protocol part 1, sections 6.10 to 6.12."""

from __future__ import annotations

import pytest

from bullrush.core import Completed, JobNotFound
from bullrush.core.clock import now_ms
from bullrush.core.errors import InvalidJobId, InvalidOption, WrongState
from bullrush.core.keys import META_FIELDS

NOT_WHOLE = [-1, 1.5, "1", None, True, 2**60]


class TestDelay:
    """`change_delay`."""

    def test_the_new_time_counts_from_now(self, queue, stored):
        job = queue.add("x", delay=1000, timestamp=1_000_000)
        before = now_ms()
        queue.change_delay(job.id, 5000)
        due = stored.score("delayed", job.id) // 4096
        assert before + 5000 <= due <= now_ms() + 5000
        assert queue.get_job(job.id).delay == 5000
        assert stored.marker()["1"] == due
        event = {"event": "delayed", "jobId": job.id, "delay": str(int(due))}
        assert stored.events()[-1] == event

    def test_no_delay_makes_it_due_at_once(self, queue, hands):
        job = queue.add("x", delay=60_000)
        queue.change_delay(job.id, 0)
        assert queue.get_state(job.id) == "delayed"
        assert [each.job.id for each in hands.take()] == [job.id]

    def test_only_delayed_jobs_have_a_delay_to_change(self, queue, stored):
        job = queue.add("x")
        with pytest.raises(WrongState, match=f"Job {job.id} is not in the delayed state"):
            queue.change_delay(job.id, 1000)
        with pytest.raises(JobNotFound):
            queue.change_delay("nobody", 1000)
        assert (queue.get_job(job.id).delay, stored.ids("delayed")) == (0, [])

    @pytest.mark.parametrize("bad", NOT_WHOLE)
    def test_what_is_no_number_of_ms_is_refused(self, queue, bad):
        job = queue.add("x", delay=60_000)
        with pytest.raises(InvalidOption, match="delay is a whole number"):
            queue.change_delay(job.id, bad)
        assert queue.get_job(job.id).delay == 60_000


class TestPriority:
    """`change_priority`."""

    def test_a_waiting_job_moves_to_its_new_place(self, queue, stored, hands):
        first, second = queue.add("first"), queue.add("second")
        queue.change_priority(first.id, 3)
        assert (stored.ids("wait"), stored.ids("prioritized")) == ([second.id], [first.id])
        assert queue.get_job(first.id).priority == 3
        assert [each.job.name for each in hands.take(2)] == ["second", "first"]

    def test_a_prioritized_job_moves_behind_its_equals(self, queue, stored):
        jobs = [queue.add("x", priority=priority).id for priority in (1, 5, 5)]
        queue.change_priority(jobs[0], 5)
        assert stored.ids("prioritized") == [jobs[1], jobs[2], jobs[0]]

    def test_lifo_puts_it_before_its_equals_and_wakes_a_worker(self, queue, stored):
        first, second = queue.add("x", priority=5).id, queue.add("x", priority=9).id
        stored.run("DEL", stored.keys.marker)
        queue.change_priority(second, 5, lifo=True)
        assert stored.ids("prioritized") == [second, first]
        assert stored.score("prioritized", second) == 5 * 2**32
        assert stored.marker() == {"0": 0}

    def test_without_priority_it_waits_at_the_end_or_the_front(self, queue, stored):
        old = queue.add("x").id
        last, front = queue.add("x", priority=1).id, queue.add("x", priority=1).id
        queue.change_priority(last, 0)
        queue.change_priority(front, 0, lifo=True)
        assert stored.ids("wait") == [last, old, front]

    def test_in_other_states_only_the_field_changes(self, queue, stored, hands):
        done, active = queue.add("x").id, queue.add("x").id
        late = queue.add("x", delay=60_000).id
        hands.commit(hands.take()[0], Completed(None))
        hands.take()
        for job_id in (done, active, late):
            queue.change_priority(job_id, 4)
        assert [queue.get_job(each).priority for each in (done, active, late)] == [4, 4, 4]
        assert (stored.ids("completed"), stored.ids("active")) == ([done], [active])
        assert stored.ids("prioritized") == []
        queue.promote(late)
        assert stored.ids("prioritized") == [late]

    def test_a_paused_queue_is_not_woken(self, queue, stored):
        job = queue.add("x")
        queue.pause()
        queue.change_priority(job.id, 4)
        assert stored.marker() == {}

    def test_a_job_in_the_list_of_a_5x_pause_is_found(self, queue, stored):
        first, second = queue.add("x").id, queue.add("x").id
        stored.run("RENAME", stored.keys.wait, stored.keys.paused)
        queue.change_priority(first, 2)
        queue.change_priority(second, 0, lifo=True)
        assert (stored.ids("prioritized"), stored.ids("paused")) == ([first], [second])
        assert stored.ids("wait") == []

    def test_a_missing_job_and_a_bad_priority_are_named(self, queue, stored):
        job = queue.add("x")
        with pytest.raises(JobNotFound, match="Missing key for job nobody"):
            queue.change_priority("nobody", 1)
        for bad in (-1, 1.5, "1", 2_097_152):
            with pytest.raises(InvalidOption, match="priority is a whole number"):
                queue.change_priority(job.id, bad)
        assert stored.ids("wait") == [job.id]

    def test_a_priority_that_is_no_number_counts_as_none(self, queue, stored):
        job = queue.add("x", delay=60_000)
        stored.run("HSET", stored.keys.job(job.id), "priority", "x")
        assert queue.get_job(job.id).priority == 0
        queue.promote(job.id)
        assert stored.ids("wait") == [job.id]


class TestLog:
    """`clear_logs` and the limits of `add_log`."""

    def test_all_rows_go_or_all_but_the_newest(self, queue, stored):
        job = queue.add("x")
        for row in "abc":
            queue.add_log(job.id, row)
        queue.clear_logs(job.id, keep=2)
        assert queue.get_logs(job.id) == ["b", "c"]
        queue.clear_logs(job.id, keep=5)
        assert queue.get_logs(job.id) == ["b", "c"]
        queue.clear_logs(job.id)
        assert not stored.exists(stored.keys.job_part(job.id, "logs"))
        queue.add_log(job.id, "d")
        queue.clear_logs(job.id, keep=0)
        assert queue.get_logs(job.id) == []

    def test_keeping_no_rows_keeps_all_as_bullmq_takes_keep_logs(self, queue):
        job = queue.add("x")
        assert [queue.add_log(job.id, row, keep=0) for row in "ab"] == [1, 2]
        assert queue.get_logs(job.id) == ["a", "b"]

    def test_a_job_without_a_log_is_fine(self, queue):
        queue.clear_logs("nobody")
        queue.clear_logs("nobody", keep=3)

    @pytest.mark.parametrize("bad", [-1, 1.5, "1"])
    def test_a_number_of_rows_is_whole(self, queue, bad):
        job = queue.add("x")
        for operation in (
            lambda: queue.clear_logs(job.id, bad),
            lambda: queue.add_log(job.id, "r", bad),
        ):
            with pytest.raises(InvalidOption, match="keep is a whole number"):
                operation()
        assert queue.get_logs(job.id) == []


def test_a_meta_field_that_is_no_number_does_not_stop_edits(queue, stored):
    job = queue.add("x", delay=60_000)
    for name in ("concurrency", "max", "duration", "max_events"):
        stored.run("HSET", stored.keys.meta, META_FIELDS[name], "abc")
    queue.change_delay(job.id, 10)
    queue.update_progress(job.id, 1)
    queue.change_priority(job.id, 1)
    assert queue.get_state(job.id) == "delayed"


def test_a_key_of_a_wrong_type_is_noticed_before_anything_changes(queue, stored):
    job = queue.add("x", delay=60_000)
    stored.run("DEL", stored.keys.marker)
    stored.run("SET", stored.keys.marker, "text")
    for operation in (
        lambda: queue.change_delay(job.id, 10),
        lambda: queue.change_priority(job.id, 1),
        lambda: queue.promote_jobs(),
    ):
        with pytest.raises(Exception, match="WRONGTYPE"):
            operation()
    assert queue.get_job(job.id) == job


def test_many_jobs_are_moved_in_steps(queue, hands):
    for _ in range(7):
        queue.add("x", delay=60_000)
    assert queue.promote_jobs(count=3) == 7
    for taken in hands.take(7):
        hands.commit(taken, Completed(None))
    assert queue.retry_jobs("completed", before=1) == 0
    assert queue.retry_jobs("completed", count=7) == 7
    for bad in (0, -1, 1.5, 1001):
        with pytest.raises(InvalidOption, match="count is a whole number from 1 to 1000"):
            queue.promote_jobs(count=bad)
    with pytest.raises(InvalidOption, match="before"):
        queue.retry_jobs(before="now")


@pytest.mark.parametrize("name", ["meta", "wait", "metrics:failed", "repeat", ""])
def test_a_key_of_the_queue_is_not_taken_for_a_job(queue, stored, name):
    queue.add("x")
    queue.pause()
    before = {key: stored.run("DUMP", stored.keys.base + key) for key in stored.all_keys()}
    for edit in (
        lambda: queue.update_data(name, 1),
        lambda: queue.update_progress(name, 1),
        lambda: queue.add_log(name, "row"),
        lambda: queue.change_priority(name, 1),
        lambda: queue.remove(name),
    ):
        with pytest.raises(InvalidJobId, match="a key of the queue itself"):
            edit()
    assert {key: stored.run("DUMP", stored.keys.base + key) for key in before} == before
