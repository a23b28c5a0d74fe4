"""Looking at a queue and steering it: protocol part 1, sections 6 and 8."""

from __future__ import annotations

import pytest

from bullrush.core import Completed, Failed, JobNotFound
from bullrush.core.errors import InvalidOption, JobLocked, WrongState
from bullrush.core.keys import META_FIELDS


def test_counts_name_every_state(queue, hands):
    queue.add("a")
    queue.add("b", priority=1)
    queue.add("c", delay=60_000)
    assert queue.get_job_counts() == {
        "active": 0,
        "completed": 0,
        "delayed": 1,
        "failed": 0,
        "prioritized": 1,
        "waiting": 1,
        "waiting-children": 0,
    }
    hands.take(2)
    assert queue.get_job_counts("active", "waiting") == {"active": 2, "waiting": 0}


def test_an_unknown_state_is_refused_with_the_nearest(queue):
    with pytest.raises(InvalidOption, match="did you mean 'waiting'"):
        queue.get_job_counts("wating")


def test_the_state_of_a_job_follows_it(queue, hands):
    job = queue.add("x", delay=60_000)
    assert queue.get_state(job.id) == "delayed"
    queue.promote(job.id)
    assert queue.get_state(job.id) == "waiting"
    (taken,) = hands.take()
    assert queue.get_state(job.id) == "active"
    hands.commit(taken, Completed(1))
    view = queue.view(job.id)
    assert (view.state, view.job.returnvalue) == ("completed", 1)
    assert queue.get_state("nobody") == "unknown"
    assert queue.view("nobody").job is None


def test_jobs_are_listed_in_the_order_they_run(queue):
    for n in range(4):
        queue.add("x", n)
    assert [job.data for job in queue.get_jobs("waiting", ascending=True)] == [0, 1, 2, 3]
    assert [job.data for job in queue.get_jobs("waiting")] == [3, 2, 1, 0]
    assert [job.data for job in queue.get_jobs("waiting", start=1, end=2, ascending=True)] == [1, 2]


def test_jobs_of_several_states_are_listed_once_each(queue):
    queue.add("a")
    queue.add("b", priority=3)
    queue.add("c", delay=60_000)
    assert {job.name for job in queue.get_jobs("waiting", "prioritized", "delayed")} == {
        "a",
        "b",
        "c",
    }


def test_ids_without_a_job_are_left_out_of_lists(queue, stored):
    queue.add("a")
    stored.run("LPUSH", stored.keys.wait, "ghost")
    assert [job.name for job in queue.get_jobs("waiting")] == ["a"]


def test_pause_and_resume_are_seen_by_all(queue, stored):
    queue.pause()
    assert queue.is_paused()
    queue.resume()
    assert not queue.is_paused()
    assert stored.event_names() == ["paused", "resumed"]


def test_resume_takes_over_what_a_paused_5x_queue_left_and_runs_it_first(queue, stored, hands):
    for name in ("old1", "old2"):
        queue.add(name)
    stored.run("RENAME", stored.keys.wait, stored.keys.paused)
    stored.run("HSET", stored.keys.meta, META_FIELDS["paused"], 1)
    queue.add("new")
    assert queue.get_job_counts("waiting") == {"waiting": 3}
    queue.resume()
    assert [each.job.name for each in hands.take(3)] == ["old1", "old2", "new"]


def test_a_removed_job_leaves_nothing(queue, stored):
    job = queue.add("x")
    queue.add_log(job.id, "row")
    assert queue.remove(job.id)
    assert not any(key.startswith(job.id) for key in stored.all_keys())
    assert stored.ids("wait") == []
    assert stored.events()[-1] == {"event": "removed", "jobId": job.id, "prev": "wait"}


def test_removing_what_never_was_is_fine(queue, stored):
    assert queue.remove("nobody")
    assert stored.event_names() == []


def test_a_job_in_work_cannot_be_removed(queue, hands, stored):
    job = queue.add("x")
    hands.take()
    with pytest.raises(JobLocked, match=job.id):
        queue.remove(job.id)
    assert stored.ids("active") == [job.id]


def test_a_failed_job_runs_again(queue, hands, stored):
    job = queue.add("x", priority=4)
    hands.commit(hands.take()[0], Failed("boom", "stack"))
    queue.retry_job(job.id)
    again = queue.get_job(job.id)
    assert queue.get_state(job.id) == "prioritized"
    assert (again.failed_reason, again.finished_on, again.stacktrace) == (None, None, ["stack"])
    assert again.attempts_made == 1
    assert stored.events()[-1] == {"event": "waiting", "jobId": job.id, "prev": "failed"}


def test_attempts_may_count_from_zero_again(queue, hands):
    job = queue.add("x")
    hands.commit(hands.take()[0], Completed(1))
    queue.retry_job(job.id, "completed", reset_attempts_made=True, reset_attempts_started=True)
    again = queue.get_job(job.id)
    assert (again.attempts_made, again.attempts_started, again.returnvalue) == (0, 0, None)


def test_only_finished_jobs_run_again(queue):
    job = queue.add("x")
    with pytest.raises(WrongState, match=f"Job {job.id} is not in the failed state"):
        queue.retry_job(job.id)
    with pytest.raises(JobNotFound):
        queue.retry_job("nobody")
    with pytest.raises(InvalidOption):
        queue.retry_job(job.id, "waiting")


def test_all_failed_jobs_run_again_by_their_priority(queue, hands):
    for n in range(3):
        queue.add("x", n, priority=n + 1)
    for taken in hands.take(3):
        hands.commit(taken, Failed("boom"))
    assert queue.retry_jobs() == 3
    assert queue.get_job_counts("failed", "prioritized") == {"failed": 0, "prioritized": 3}


def test_promotion_ignores_the_time_but_not_the_priority(queue, stored):
    queue.add("a", delay=60_000)
    job = queue.add("b", delay=60_000, priority=2)
    assert queue.promote_jobs() == 2
    assert queue.get_state(job.id) == "prioritized"
    assert queue.get_job(job.id).delay == 0
    with pytest.raises(WrongState):
        queue.promote(job.id)


def test_progress_is_stored_and_told(queue, stored):
    job = queue.add("x")
    queue.update_progress(job.id, {"done": [1, 2]})
    assert queue.get_job(job.id).progress == {"done": [1, 2]}
    assert stored.events()[-1] == {"event": "progress", "jobId": job.id, "data": '{"done":[1,2]}'}
    with pytest.raises(JobNotFound):
        queue.update_progress("nobody", 1)


def test_data_can_be_replaced(queue):
    job = queue.add("x", 1)
    queue.update_data(job.id, {"n": 2})
    assert queue.get_job(job.id).data == {"n": 2}
    with pytest.raises(JobNotFound):
        queue.update_data("nobody", 1)


def test_a_log_keeps_its_newest_rows(queue):
    job = queue.add("x")
    assert [queue.add_log(job.id, row) for row in "abc"] == [1, 2, 3]
    assert queue.add_log(job.id, "d", keep=2) == 2
    assert queue.get_logs(job.id) == ["c", "d"]
    with pytest.raises(JobNotFound):
        queue.add_log("nobody", "row")


def test_an_odd_hash_of_another_writer_is_readable(queue, stored):
    stored.run(
        "HSET",
        stored.keys.job("odd"),
        "name",
        "x",
        "opts",
        "nonsense",
        "progress",
        "{",
        "stacktrace",
        "1",
    )
    job = queue.get_job("odd")
    assert (job.opts, job.progress, job.stacktrace, job.data) == ({"attempts": 0}, 0, [], {})
    assert (job.attempts_made, job.returnvalue, job.timestamp) == (0, None, 0)
