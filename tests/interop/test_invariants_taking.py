"""Invariants of who takes a job and when, each by its number in protocol part 1, section 13: what
Redis holds after either side acted, and what the other side makes of it.
"""

from __future__ import annotations

import threading

import pytest

from bullrush.core import Limiter
from bullrush.core.clock import now_ms
from bullrush.core.job import FIELDS
from tests.support.both_sides import MINUTE, both_sides, counts
from tests.support.waiting import wait_until


@both_sides
def test_invariant_1_10_a_taken_job_is_active_locked_and_counted(sides, stored, hands, side, node):
    job_id = sides.add("python")
    before = now_ms()
    if side == "python":
        (taken,) = hands.take(lock_ms=20_000)
        lock = stored.run("GET", stored.keys.job_part(job_id, "lock"))
        assert lock.decode() == taken.token
    else:
        sides.work("node", "hang", lock_duration=20_000)
        node.wait_for("started", jobId=job_id)
    assert (stored.ids("active"), stored.ids("wait")) == ([job_id], [])
    assert 0 < stored.run("PTTL", stored.keys.job_part(job_id, "lock")) <= 20_000
    assert counts(stored, job_id) == (0, 1, 0)
    assert before <= int(stored.hash(job_id)[FIELDS["processed_on"]]) <= now_ms()
    # A waiting Node worker may have popped it by now; nobody waits for the hands.
    assert side == "node" or stored.marker() == {"0": 0}


def test_invariant_1_11_idle_workers_all_start_at_once(sides, node, queue, start_worker):
    started, release = threading.Semaphore(0), threading.Event()

    def handler(delivery):
        started.release()
        release.wait(30)

    for _ in range(2):
        start_worker(handler, drain_delay=60.0)
        sides.work("node", "hang")
    wait_until(lambda: len(queue.get_workers()) == 4)
    for side in ("python", "node", "python", "node"):
        sides.add(side)
    assert all(started.acquire(timeout=20) for _ in range(2))
    for _ in range(2):
        node.wait_for("started", queue=queue.name)
    release.set()


@both_sides
@pytest.mark.parametrize("held", ["paused", "maxed"])
def test_invariant_1_12_a_held_queue_gives_nothing_and_wakes_nobody(
    sides, stored, queue, hands, side, held
):
    if held == "paused":
        queue.pause()
    else:
        queue.set_global_concurrency(1)
        queue.add("x")
        hands.take()
    stored.run("DEL", stored.keys.marker)
    sides.add(side)
    sides.add(side, priority=1)
    reply = hands.trip(most=3)
    assert (reply.jobs, reply.limited_ms, reply.next_due) == ([], 0, 0)
    assert "0" not in stored.marker()


def test_invariant_1_13_resume_wakes_an_idle_worker(sides, queue):
    queue.pause()
    sides.work("node")
    job_id = queue.add("x").id
    queue.resume()
    # Long before the worker would look again by itself.
    wait_until(lambda: queue.get_state(job_id) == "completed")


@pytest.mark.parametrize("options", [{}, {"priority": 1}, {"delay": MINUTE}])
def test_invariant_1_13_resume_marks_what_there_is_to_do(stored, queue, options):
    queue.pause()
    queue.add("x", timestamp=1_800_000_000_000, **options)
    stored.run("DEL", stored.keys.marker)
    queue.resume()
    due = {"1": 1_800_000_000_000 + MINUTE}
    assert stored.marker() == (due if "delay" in options else {"0": 0})


def test_invariant_1_14_a_full_window_moves_nothing(sides, stored, queue, hands):
    for _ in range(4):
        queue.add("x")
    sides.work("node", limiter={"max": 2, "duration": MINUTE})
    wait_until(lambda: queue.get_completed_count() == 2)
    waiting = stored.ids("wait")
    reply = hands.trip(most=1, limiter=Limiter(2, MINUTE))
    assert (reply.jobs, len(waiting)) == ([], 2)
    assert 0 < reply.limited_ms <= MINUTE
    assert (stored.ids("wait"), stored.ids("active")) == (waiting, [])


@both_sides
def test_invariant_1_15_the_queues_max_and_the_workers_duration_hold(
    sides, stored, queue, hands, side
):
    queue.set_global_rate_limit(1, 3 * MINUTE)
    for _ in range(3):
        queue.add("x")
    if side == "python":
        assert len(hands.take(3, limiter=Limiter(3, MINUTE))) == 1
    else:
        sides.work("node", limiter={"max": 3, "duration": MINUTE})
        wait_until(lambda: queue.get_completed_count() == 1)
    assert 0 < stored.run("PTTL", stored.keys.limiter) <= MINUTE
    assert queue.get_waiting_count() == 2


@pytest.mark.parametrize("node_version", ["bullmq-5.81"])
def test_invariant_1_32_a_5x_pause_ends_without_loss(sides, stored, queue, node, hands):
    old = [sides.add("node"), sides.add("python")]
    node.request("pause", queue=queue.name)
    old.append(sides.add("node"))
    assert len(stored.ids("paused")) == 3
    new = sides.add("python")
    assert queue.get_waiting_count() == 4
    queue.resume()
    assert [each.job.id for each in hands.take(5)] == [*old, new]
    assert not stored.exists(stored.keys.paused)
