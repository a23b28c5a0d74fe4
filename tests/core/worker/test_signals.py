"""How a handler steers its own job: protocol part 1, sections 6.1 to 6.5."""

from __future__ import annotations

import logging
import threading

import pytest

from bullrush.core import (
    BulkJob,
    Completed,
    DelayedError,
    Moved,
    Parent,
    Postponed,
    RateLimited,
    RateLimitError,
    RawJson,
    Returned,
    WaitingChildrenError,
    WaitingError,
)
from bullrush.core.clock import now_ms
from bullrush.core.errors import JobFailed, JobNotFound, LockMissing
from tests.support import handlers
from tests.support.waiting import wait_until


def finish(events, job, timeout=20):
    """The value of a job, when it is there."""
    return events.wait_until_finished(job.id, timeout)


def parent_of(delivery):
    """A delivery's job, as the parent of another."""
    return Parent(delivery.job.id, delivery.queue.name)


class TestMovingItself:
    """The handler moves its job, then raises or returns."""

    @pytest.mark.parametrize("style", ["raise", "return", "outcome"])
    def test_a_delayed_job_runs_again_at_its_time(self, queue, events, start_worker, style):
        def handler(delivery):
            if delivery.job.attempts_started > 1:
                return now_ms()
            delivery.move_to_delayed(delivery.job.processed_on + 300)
            if style == "raise":
                raise DelayedError
            return Moved() if style == "outcome" else "not stored"

        start_worker(handler)
        job = queue.add("x")
        assert finish(events, job) >= job.timestamp + 300
        done = queue.get_job(job.id)
        assert (done.attempts_made, done.attempts_started) == (1, 2)
        assert done.failed_reason is None

    def test_a_job_that_goes_back_runs_next(self, queue, events, start_worker):
        order = []

        def handler(delivery):
            order.append(delivery.job.name)
            if delivery.job.attempts_started == 1 and delivery.job.name == "first":
                assert delivery.move_to_wait() == 0
                raise WaitingError

        queue.add("first")
        last = queue.add("second")
        start_worker(handler)
        finish(events, last)
        assert order == ["first", "first", "second"]
        assert queue.get_job("1").attempts_made == 1

    def test_steps_are_kept_in_the_data(self, queue, events, start_worker):
        steps = []

        def handler(delivery):
            step = delivery.data["step"]
            steps.append(step)
            if step == 3:
                return "done"
            delivery.update_data({"step": step + 1})
            assert delivery.data == {"step": step + 1}
            delivery.move_to_delayed(now_ms())
            raise DelayedError

        start_worker(handler)
        job = queue.add("x", {"step": 1})
        assert finish(events, job) == "done"
        assert steps == [1, 2, 3]
        assert queue.get_job(job.id).attempts_made == 1

    def test_steps_as_outcomes(self, queue, events, start_worker):
        def handler(delivery):
            step = delivery.data["step"]
            data = RawJson(f'{{"step": {step + 1}}}')
            outcomes = [Postponed(1, data), Returned(data), RateLimited(1, data), Completed(step)]
            return outcomes[step]

        start_worker(handler)
        job = queue.add("x", {"step": 0})
        assert finish(events, job) == 3
        assert queue.get_job(job.id).attempts_made == 1

    def test_other_jobs_go_on_meanwhile(self, queue, events, start_worker):
        def handler(delivery):
            if delivery.data == "later":
                delivery.move_to_delayed(now_ms() + 60_000)
                raise DelayedError
            return "done"

        start_worker(handler, drain_delay=30.0)
        queue.add("x", "later")
        assert finish(events, queue.add("x", "now")) == "done"
        assert queue.get_job_counts("delayed", "active") == {"delayed": 1, "active": 0}

    def test_a_moved_job_may_be_run_by_its_own_worker_while_the_handler_ends(
        self, queue, events, start_worker
    ):
        second = threading.Event()

        def handler(delivery):
            if delivery.job.attempts_started == 1:
                delivery.move_to_wait()
                assert second.wait(20)
                raise WaitingError
            second.set()
            return "second"

        start_worker(handler, concurrency=2, lock_duration=2_000)
        job = queue.add("x")
        assert finish(events, job) == "second"

    @pytest.mark.parametrize("handler", [handlers.move, handlers.move_async])
    @pytest.mark.parametrize("pool", ["solo", "threads", "asyncio"])
    def test_every_pool_lets_it(self, queue, events, start_worker, pool, handler):
        moves = ["delay", "wait", "limit", "wait", "delay"]
        jobs = [queue.add("x", {"moves": moves, "by": [], "ms": 5}) for _ in range(3)]
        start_worker(handler, pool=pool)
        for job in jobs:
            assert finish(events, job) == ["python"] * 5
            done = queue.get_job(job.id)
            assert (done.attempts_made, done.attempts_started) == (1, 6)

    @pytest.mark.parametrize("error", [DelayedError, WaitingError, WaitingChildrenError])
    def test_a_signal_without_a_move_is_a_failed_attempt(self, queue, events, start_worker, error):
        def handler(delivery):
            raise error

        start_worker(handler)
        with pytest.raises(JobFailed, match=f"{error.__name__} was raised, but the job had not"):
            finish(events, queue.add("x"))

    def test_what_a_handler_raises_after_a_move_is_logged_and_does_not_count(
        self, queue, start_worker, caplog
    ):
        def handler(delivery):
            delivery.move_to_delayed(now_ms() + 60_000)
            raise ValueError("too late")

        with caplog.at_level(logging.WARNING, "bullrush.worker"):
            worker = start_worker(handler)
            job = queue.add("x")
            wait_until(lambda: queue.get_state(job.id) == "delayed")
            assert worker.stop(timeout=10)
        assert "ValueError('too late')" in caplog.text
        assert queue.get_job(job.id).failed_reason is None

    @pytest.mark.parametrize("gone", ["lock", "job"])
    def test_a_job_that_is_lost_cannot_be_moved(self, queue, start_worker, stored, gone):
        raised, done = [], threading.Event()

        def handler(delivery):
            key = stored.keys.job(delivery.job.id)
            stored.run("DEL", key if gone == "job" else stored.keys.job_part("1", "lock"))
            try:
                delivery.move_to_wait()
            except Exception as error:
                raised.append(type(error))
                raise
            finally:
                done.set()

        worker = start_worker(handler, stalled_interval=60_000)
        queue.add("x")
        assert done.wait(20)
        assert worker.stop(timeout=10)
        assert raised == [LockMissing if gone == "lock" else JobNotFound]
        assert stored.ids("wait") == []

    def test_a_handler_may_extend_its_lock(self, queue, events, start_worker, stored):
        def handler(delivery):
            held = delivery.extend_lock(60_000)
            rest = stored.run("PTTL", stored.keys.job_part(delivery.job.id, "lock"))
            stored.run("DEL", stored.keys.job_part(delivery.job.id, "lock"))
            lost = not delivery.extend_lock(60_000) and delivery.lock_lost
            stored.run("SET", stored.keys.job_part(delivery.job.id, "lock"), delivery.token)
            return [held, rest > 50_000, lost]

        start_worker(handler, skip_lock_renewal=True)
        assert finish(events, queue.add("x")) == [True, True, True]


class TestRateLimit:
    """The handler finds that something it needs is exhausted."""

    def test_the_job_goes_back_and_the_worker_waits(self, queue, events, start_worker):
        starts = []

        def handler(delivery):
            starts.append(now_ms())
            return RateLimited(400) if len(starts) == 1 else "done"

        start_worker(handler, concurrency=2)
        job, other = queue.add("x"), queue.add("y")
        assert finish(events, job) == "done"
        finish(events, other)
        done = queue.get_job(job.id)
        assert (done.attempts_made, done.attempts_started) == (1, 2)
        assert done.processed_on - starts[0] >= 395

    def test_the_error_of_bullmq_does_the_same(self, queue, events, start_worker):
        starts = []

        def handler(delivery):
            starts.append(now_ms())
            if len(starts) == 1:
                delivery.rate_limit(400)
                raise RateLimitError
            return "done"

        start_worker(handler)
        assert finish(events, queue.add("x")) == "done"
        assert starts[1] - starts[0] >= 395

    @pytest.mark.parametrize("pool", ["solo", "threads", "asyncio"])
    def test_jobs_that_were_fetched_ahead_wait_too_and_keep_their_order(
        self, queue, start_worker, pool
    ):
        count, limited = 150, 70
        starts, done = [], threading.Event()

        def handler(delivery):
            starts.append((delivery.data, now_ms()))
            if delivery.data == limited and delivery.job.attempts_started == 1:
                return RateLimited(500)
            if delivery.data == count - 1:
                done.set()

        queue.add_bulk([BulkJob("n", n) for n in range(count)])
        start_worker(handler, pool=pool)
        assert done.wait(20)
        assert [n for n, _ in starts] == [*range(limited), limited, *range(limited, count)]
        assert starts[limited + 1][1] - starts[limited][1] >= 495

    def test_without_a_closed_limit_the_job_runs_again_at_once(self, queue, events, start_worker):
        def handler(delivery):
            if delivery.job.attempts_started < 3:
                raise RateLimitError
            return delivery.job.attempts_started

        start_worker(handler)
        assert finish(events, queue.add("x")) == 3

    def test_a_worker_never_sleeps_longer_than_its_maximum(
        self, queue, events, start_worker, stored
    ):
        def handler(delivery):
            if delivery.job.attempts_started == 1:
                return RateLimited(60_000)
            return "done"

        start_worker(handler, maximum_rate_limit_delay=50)
        assert finish(events, queue.add("x")) == "done"
        assert stored.run("PTTL", stored.keys.limiter) > 30_000

    def test_workers_with_a_limit_of_their_own_wait_too(self, queue, hands, stored):
        queue.add("x")
        hands.commit(hands.take()[0], RateLimited(60_000))
        from_others = hands.trip(most=1)
        assert [job.id for job in from_others.jobs] == ["1"], "without a limit nothing is known"


class TestStarts:
    """The option max_started_attempts."""

    def test_a_job_that_started_too_often_is_failed_without_a_run(
        self, queue, events, start_worker, hands
    ):
        job = queue.add("x", attempts=9)
        for _ in range(2):
            hands.commit(hands.take()[0], Returned())
        start_worker(lambda delivery: "ran", max_started_attempts=2)
        with pytest.raises(JobFailed, match="job started more than allowable limit"):
            finish(events, job)
        assert queue.get_job(job.id).attempts_made == 1

    def test_the_last_start_is_not_retried(self, queue, events, start_worker):
        def handler(delivery):
            raise ValueError(f"start {delivery.job.attempts_started}")

        start_worker(handler, max_started_attempts=2)
        job = queue.add("x", attempts=9)
        with pytest.raises(JobFailed, match="start 2"):
            finish(events, job)
        assert queue.get_job(job.id).attempts_made == 2


class TestChildren:
    """A completion that the queue does not accept."""

    def test_pending_children_are_a_failed_attempt(self, queue, events, start_worker, stored):
        def handler(delivery):
            key = stored.keys.job_part(delivery.job.id, "dependencies")
            if delivery.job.attempts_made == 0:
                stored.run("SADD", key, "bull:other:child")
            else:
                stored.run("DEL", key)
            return "done"

        start_worker(handler)
        job = queue.add("x", attempts=2)
        assert finish(events, job) == "done"
        done = queue.get_job(job.id)
        assert done.attempts_made == 2
        assert done.failed_reason.startswith("Job 1 has pending dependencies")
        assert len(done.stacktrace) == 1

    def test_failed_children_fail_it_at_once(self, queue, events, start_worker, stored):
        def handler(delivery):
            key = stored.keys.job_part(delivery.job.id, "unsuccessful")
            stored.run("ZADD", key, 1, "bull:other:child")

        start_worker(handler)
        job = queue.add("x", attempts=9)
        with pytest.raises(JobFailed, match="at least one failed child"):
            finish(events, job)
        assert queue.get_job(job.id).attempts_made == 1

    def test_a_handler_adds_children_and_waits_for_them(self, queue, events, start_worker):
        def handler(delivery):
            if delivery.job.name == "child":
                return delivery.data * 10
            if delivery.data == "start":
                for number in (1, 2):
                    delivery.queue.add("child", number, parent=parent_of(delivery))
                delivery.update_data("gather")
                if delivery.move_to_waiting_children():
                    raise WaitingChildrenError
            assert not delivery.move_to_waiting_children()
            return sorted(delivery.get_children_values().values())

        start_worker(handler)
        job = queue.add("x", "start")
        assert finish(events, job) == [10, 20]
        done = queue.get_job(job.id)
        assert (done.attempts_made, done.attempts_started) == (1, 2)

    def test_a_child_that_failed_the_job_ends_its_waiting(self, queue, events, start_worker):
        def handler(delivery):
            if delivery.job.name == "child":
                raise ValueError("no")
            child = delivery.queue.add(
                "child", parent=parent_of(delivery), fail_parent_on_failure=True
            )
            wait_until(lambda: delivery.queue.get_state(child.id) == "failed")
            delivery.move_to_waiting_children()

        start_worker(handler, concurrency=2)
        job = queue.add("x", attempts=9)
        with pytest.raises(JobFailed, match="at least one failed child"):
            finish(events, job)
        assert queue.get_job(job.id).attempts_made == 1

    def test_ignored_failures_can_be_read(self, queue, events, start_worker):
        def handler(delivery):
            if delivery.job.name == "child":
                raise ValueError("no")
            if delivery.job.attempts_started == 1:
                delivery.queue.add(
                    "child", parent=parent_of(delivery), ignore_dependency_on_failure=True
                )
                delivery.move_to_waiting_children()
                raise WaitingChildrenError
            return list(delivery.get_ignored_children_failures().values())

        start_worker(handler)
        assert finish(events, queue.add("x")) == ["no"]


class TestPausing:
    """Worker.pause is local."""

    def test_a_paused_worker_takes_nothing_until_it_goes_on(self, queue, events, start_worker):
        worker = start_worker(lambda delivery: "done", drain_delay=0.1)
        finish(events, queue.add("x"))
        worker.pause()
        job = queue.add("x")
        assert worker.is_paused()
        assert worker.is_running()
        assert not queue.is_paused()
        with pytest.raises(TimeoutError):
            finish(events, job, timeout=0.5)
        worker.resume()
        assert finish(events, job) == "done"
        assert not worker.is_paused()

    def test_a_paused_worker_wakes_another_in_its_place(self, queue, events, start_worker):
        paused = start_worker(lambda delivery: "paused", drain_delay=30.0)
        finish(events, queue.add("x"))
        paused.pause()
        start_worker(lambda delivery: "other", drain_delay=30.0)
        assert [finish(events, queue.add("x")) for _ in range(3)] == ["other"] * 3

    def test_a_paused_worker_stores_what_its_handler_still_ends(self, queue, events, start_worker):
        started, release = threading.Event(), threading.Event()

        def handler(delivery):
            started.set()
            assert release.wait(20)
            return "done"

        worker = start_worker(handler)
        job = queue.add("x")
        assert started.wait(20)
        worker.pause()
        release.set()
        assert finish(events, job) == "done"
