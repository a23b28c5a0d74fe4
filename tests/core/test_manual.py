"""Driving jobs by hand: protocol part 1, sections 4 to 7."""

from __future__ import annotations

import threading
import time

import pytest

from bullrush.core import Keep, UnrecoverableError
from bullrush.core.clock import now_ms
from bullrush.core.errors import (
    FailedChildren,
    InvalidOption,
    JobNotFound,
    LockMismatch,
    LockMissing,
    PendingChildren,
    UnserializableData,
    WrongState,
)
from bullrush.core.trip import Limiter


def take(queue, token="t", **options):
    """The next job; there must be one."""
    job = queue.get_next_job(token, **options)
    assert job is not None
    return job


class TestFetching:
    """get_next_job."""

    def test_the_job_is_active_and_locked_by_the_token(self, queue, stored):
        queue.add("x", {"n": 1})
        job = take(queue, "mine", name="ann", lock_duration=5_000)
        lock = stored.keys.job_part(job.id, "lock")
        assert (job.data, job.attempts_started, job.processed_by) == ({"n": 1}, 1, "ann")
        assert stored.ids("active") == [job.id]
        assert stored.run("GET", lock) == b"mine"
        assert 0 < stored.run("PTTL", lock) <= 5_000

    def test_an_empty_or_paused_queue_gives_none_at_once(self, queue):
        assert queue.get_next_job("t") is None
        queue.add("x")
        queue.pause()
        assert queue.get_next_job("t") is None

    def test_a_limit_gives_none_while_it_is_closed(self, queue):
        limiter = Limiter(max=1, duration=60_000)
        for _ in range(2):
            queue.add("x")
        assert queue.get_next_job("t", limiter=limiter) is not None
        assert queue.get_next_job("t", limiter=limiter) is None

    def test_the_token_0_takes_without_a_lock(self, queue, stored):
        queue.add("x")
        job = take(queue, "0")
        assert not stored.exists(stored.keys.job_part(job.id, "lock"))
        queue.move_to_completed(job, 1, "0")
        assert queue.get_state(job.id) == "completed"

    def test_blocking_wakes_for_a_new_job(self, queue, make_queue):
        other, timer = make_queue(), threading.Timer(0.2, lambda: other.add("x", "late"))
        timer.start()
        assert take(queue, block=20.0).data == "late"
        timer.join()

    def test_blocking_wakes_when_a_delayed_job_is_due(self, queue):
        job = queue.add("x", delay=300)
        assert take(queue, block=20.0).id == job.id
        assert now_ms() >= job.timestamp + 300

    def test_blocking_waits_for_a_rate_limit_to_open(self, queue):
        limiter = Limiter(max=1, duration=300)
        first, second = queue.add("x"), queue.add("x")
        assert take(queue, limiter=limiter).id == first.id
        assert take(queue, limiter=limiter, block=20.0).id == second.id

    def test_blocking_ends_at_its_time(self, queue):
        began = time.monotonic()
        assert queue.get_next_job("t", block=0.3) is None
        assert time.monotonic() - began >= 0.3

    def test_who_gives_up_leaves_the_marker_of_a_delayed_job_to_others(self, queue, stored):
        job = queue.add("x", delay=60_000)
        assert queue.get_next_job("t", block=0.2) is None
        assert stored.marker()["1"] == job.timestamp + 60_000

    @pytest.mark.parametrize(
        ("arguments", "options", "words"),
        [
            (("",), {}, "a token is non-empty text"),
            ((7,), {}, "a token is non-empty text"),
            (("t",), {"lock_time": 1}, "unknown option 'lock_time'; did you mean 'lock_duration'"),
        ],
    )
    def test_wrong_arguments_are_refused(self, queue, arguments, options, words):
        queue.add("x")
        with pytest.raises(InvalidOption, match=words):
            queue.get_next_job(*arguments, **options)
        assert queue.get_job_counts("active") == {"active": 0}


class TestEnding:
    """move_to_completed and move_to_failed."""

    def test_completion_stores_the_value(self, queue, stored):
        queue.add("x")
        job = take(queue)
        assert queue.move_to_completed(job, {"ok": True}, "t") is None
        assert queue.get_state(job.id) == "completed"
        assert (queue.get_job(job.id).returnvalue, queue.get_job(job.id).attempts_made) == (
            {"ok": True},
            1,
        )
        assert not stored.exists(stored.keys.job_part(job.id, "lock"))

    def test_completion_hands_out_the_next_job_when_asked(self, queue, stored):
        for n in range(3):
            queue.add("x", n)
        second = queue.move_to_completed(take(queue), None, "t", fetch_next=True)
        assert second.data == 1
        assert stored.run("GET", stored.keys.job_part(second.id, "lock")) == b"t"
        assert queue.move_to_failed(second, ValueError("x"), "t", fetch_next=True).data == 2

    def test_what_to_keep_is_said_by_the_job_or_else_here(self, queue, stored):
        queue.add("x")
        queue.add("x", remove_on_complete=False)
        for _ in range(2):
            queue.move_to_completed(take(queue), 1, "t", remove_on_complete=Keep(count=0))
        assert stored.ids("completed") == ["2"]

    def test_a_failure_is_tried_again_as_often_as_its_attempts_say(self, queue):
        queue.add("x", attempts=2)
        queue.move_to_failed(take(queue), ValueError("first"), "t")
        assert queue.get_state("1") == "waiting"
        queue.move_to_failed(take(queue), ValueError("second"), "t")
        job = queue.get_job("1")
        assert queue.get_state("1") == "failed"
        assert (job.failed_reason, job.attempts_made, len(job.stacktrace)) == ("second", 2, 2)

    def test_a_failure_waits_its_backoff(self, queue):
        queue.add("x", attempts=2, backoff=60_000)
        queue.move_to_failed(take(queue), ValueError("x"), "t")
        assert queue.get_state("1") == "delayed"

    def test_an_unrecoverable_error_and_too_many_starts_are_final(self, queue):
        for _ in range(2):
            queue.add("x", attempts=9)
        queue.move_to_failed(take(queue), UnrecoverableError("x"), "t")
        queue.move_to_failed(take(queue), ValueError("x"), "t", max_started_attempts=1)
        assert queue.get_job_counts("failed") == {"failed": 2}

    def test_children_keep_a_job_from_completing(self, queue, stored):
        queue.add("x")
        job = take(queue)
        stored.run("ZADD", stored.keys.job_part(job.id, "unsuccessful"), 1, "bull:q:b")
        with pytest.raises(FailedChildren, match="failed child"):
            queue.move_to_completed(job, 1, "t")
        stored.run("SADD", stored.keys.job_part(job.id, "dependencies"), "bull:q:a")
        with pytest.raises(PendingChildren, match="Job 1 has pending dependencies"):
            queue.move_to_completed(job, 1, "t")
        assert queue.get_state(job.id) == "active"
        assert stored.run("GET", stored.keys.job_part(job.id, "lock")) == b"t"

    def test_a_value_without_json_form_changes_nothing(self, queue):
        queue.add("x")
        job = take(queue)
        with pytest.raises(UnserializableData, match="the returned value"):
            queue.move_to_completed(job, object(), "t")
        assert queue.get_state(job.id) == "active"


class TestMoving:
    """move_to_delayed and move_to_wait."""

    def test_a_job_is_delayed_until_a_time(self, queue, stored):
        queue.add("x")
        job, due = take(queue), now_ms() + 60_000
        queue.move_to_delayed(job.id, due, "t")
        moved = queue.get_job(job.id)
        assert queue.get_state(job.id) == "delayed"
        assert (moved.attempts_made, moved.attempts_started) == (0, 1)
        assert 59_000 < moved.delay <= 60_000
        assert abs(stored.score("delayed", job.id) / 4096 - due) < 1_000
        assert stored.marker()["1"] == int(stored.score("delayed", job.id) / 4096)

    def test_a_time_that_has_passed_means_now(self, queue):
        queue.add("x")
        queue.move_to_delayed(take(queue).id, 1, "t")
        assert take(queue).attempts_started == 2

    def test_a_job_goes_back_next_in_line(self, queue, stored):
        for name in ("first", "second"):
            queue.add(name)
        job = take(queue)
        assert queue.move_to_wait(job.id, "t") == 0
        assert stored.ids("wait") == ["2", "1"]
        assert not stored.exists(stored.keys.job_part(job.id, "lock"))
        assert stored.events()[-1] == {"event": "waiting", "jobId": "1", "prev": "active"}
        assert take(queue).name == "first"

    def test_a_prioritized_job_goes_before_its_equals(self, queue, stored):
        for name in ("first", "second"):
            queue.add(name, priority=2)
        job = take(queue)
        queue.move_to_wait(job.id, "t")
        assert stored.score("prioritized", job.id) == 2 * 2**32
        assert take(queue).name == "first"

    def test_going_back_tells_how_long_the_rate_limit_lasts(self, queue, stored):
        queue.add("x")
        job = take(queue)
        stored.run("SET", stored.keys.limiter, 2**53 - 1, "PX", 60_000)
        assert 59_000 < queue.move_to_wait(job.id, "t") <= 60_000

    @pytest.mark.parametrize("timestamp", ["soon", 1.5, None, True, -1])
    def test_a_time_that_is_no_number_is_refused(self, queue, timestamp):
        queue.add("x")
        job = take(queue)
        with pytest.raises(InvalidOption, match="timestamp is a whole number"):
            queue.move_to_delayed(job.id, timestamp, "t")
        assert queue.get_state(job.id) == "active"


class TestLocks:
    """extend_lock."""

    def test_a_lock_is_extended_by_its_token_alone(self, queue, stored):
        queue.add("x")
        job = take(queue, lock_duration=1_000)
        assert queue.extend_lock(job.id, "t", 60_000) is True
        assert stored.run("PTTL", stored.keys.job_part(job.id, "lock")) > 50_000
        assert queue.extend_lock(job.id, "somebody", 60_000) is False

    def test_a_lock_that_is_gone_is_not_made_anew(self, queue, stored):
        assert queue.extend_lock("nobody", "t", 60_000) is False
        assert not stored.exists(stored.keys.job_part("nobody", "lock"))

    def test_an_extended_lock_is_no_stalled_suspect(self, queue, stored, hands):
        queue.add("x")
        job = take(queue)
        hands.sweep()
        queue.extend_lock(job.id, "t", 1_000)
        assert stored.run("SMEMBERS", stored.keys.stalled) == []

    @pytest.mark.parametrize("ms", [0, -1, 1.5, "1"])
    def test_a_time_that_is_none_is_refused(self, queue, ms):
        with pytest.raises(InvalidOption):
            queue.extend_lock("1", "t", ms)


#: Every way to end or move a job.
MOVES = {
    "complete": lambda queue, job, token: queue.move_to_completed(job, 1, token, fetch_next=True),
    "fail": lambda queue, job, token: queue.move_to_failed(
        job, ValueError("x"), token, fetch_next=True
    ),
    "retry": lambda queue, job, token: queue.move_to_failed(job, ValueError("x"), token),
    "delay": lambda queue, job, token: queue.move_to_delayed(job.id, now_ms() + 60_000, token),
    "put back": lambda queue, job, token: queue.move_to_wait(job.id, token),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
class TestMovesThatMustNotHappen:
    """Whoever does not hold the job changes nothing, and gets no other job for it."""

    @pytest.fixture
    def job(self, queue):
        """An active job, and one that waits."""
        queue.add("x", attempts=3)
        queue.add("other")
        return take(queue)

    def attempt(self, queue, stored, move, job, token, error):
        """The move raises; neither job has changed."""
        before = stored.hash(job.id), stored.event_names(), stored.ids("active")
        with pytest.raises(error):
            move(queue, job, token)
        assert (stored.hash(job.id), stored.event_names(), stored.ids("active")) == before
        assert queue.get_state("2") == "waiting"

    def test_by_a_foreign_token(self, queue, stored, move, job):
        self.attempt(queue, stored, move, job, "somebody", LockMismatch)
        assert stored.run("GET", stored.keys.job_part(job.id, "lock")) == b"t"

    def test_without_a_lock(self, queue, stored, move, job):
        stored.run("DEL", stored.keys.job_part(job.id, "lock"))
        self.attempt(queue, stored, move, job, "t", LockMissing)

    def test_of_a_job_that_is_not_active(self, queue, stored, move, job):
        stored.run("LREM", stored.keys.active, 1, job.id)
        self.attempt(queue, stored, move, job, "t", WrongState)
        assert stored.exists(stored.keys.job_part(job.id, "lock"))

    def test_of_a_job_that_is_gone(self, queue, stored, move, job):
        stored.run("DEL", stored.keys.job(job.id))
        self.attempt(queue, stored, move, job, "t", JobNotFound)
        assert not stored.exists(stored.keys.job(job.id))

    def test_a_second_time(self, queue, stored, move, job):
        queue.move_to_delayed(job.id, now_ms() + 60_000, "t")
        self.attempt(queue, stored, move, job, "t", LockMissing)
