"""Listening and waiting: protocol part 1, section 9."""

from __future__ import annotations

import threading

import pytest

from bullrush.core import Completed, Failed, JobFailed, JobNotFound, WaitTimeout


def test_every_event_after_the_start_is_heard_in_order(queue, make_events, hands):
    queue.add("before")
    events = make_events()
    heard, done = [], threading.Event()

    def listen(event):
        heard.append((event.name, event.job_id))
        if (event.name, event.job_id) == ("completed", "2"):
            done.set()

    events.on("*", listen)
    job = queue.add("x")
    queue.update_progress(job.id, {"n": 1})
    for taken in hands.take(2):
        hands.commit(taken, Completed(1))
    assert done.wait(10)
    mine = [name for name, job_id in heard if job_id == job.id]
    assert mine == ["added", "waiting", "progress", "active", "completed"]


def test_values_arrive_decoded(queue, make_events, hands):
    events, heard, done = make_events(), {}, threading.Event()
    for name in ("progress", "completed"):
        events.on(name, lambda event: heard.__setitem__(event.name, event.value))
    events.on("completed", lambda event: done.set())
    job = queue.add("x")
    queue.update_progress(job.id, {"n": [1]})
    hands.commit(hands.take()[0], Completed({"r": "ü"}))
    assert done.wait(10)
    assert heard == {"progress": {"n": [1]}, "completed": {"r": "ü"}}


def test_a_listener_that_raises_does_not_stop_the_others(queue, make_events):
    events, heard = make_events(), threading.Event()

    def broken(event):
        raise RuntimeError("broken listener")

    events.on("added", broken)
    events.on("waiting", lambda event: heard.set())
    queue.add("x")
    assert heard.wait(10)


def test_a_listener_can_be_taken_away(queue, make_events):
    events, heard, last = make_events(), [], threading.Event()
    forget = events.on("added", heard.append)
    forget()
    events.on("waiting", lambda event: last.set())
    queue.add("x")
    assert last.wait(10)
    assert heard == []


def test_waiting_gives_the_value_of_a_job_that_finishes_later(queue, make_events, start_worker):
    events = make_events()
    job = queue.add("x", 20)
    start_worker(lambda delivery: delivery.data + 1)
    assert events.wait_until_finished(job.id, timeout=10) == 21


def test_waiting_gives_the_value_of_a_job_that_finished_before(queue, make_events, hands):
    job = queue.add("x")
    hands.commit(hands.take()[0], Completed([1]))
    assert make_events().wait_until_finished(job.id, timeout=10) == [1]


def test_waiting_raises_the_reason_of_a_failure(queue, make_events, hands):
    job = queue.add("x")
    hands.commit(hands.take()[0], Failed("boom"))
    with pytest.raises(JobFailed, match="boom") as raised:
        make_events().wait_until_finished(job.id, timeout=10)
    assert (raised.value.job_id, raised.value.reason) == (job.id, "boom")


def test_the_value_of_a_job_that_is_removed_at_once_still_arrives(queue, make_events, start_worker):
    events = make_events()
    job = queue.add("x", 1, remove_on_complete=True)
    start_worker(lambda delivery: "value")
    assert events.wait_until_finished(job.id, timeout=10) == "value"


def test_waiting_ends_at_its_timeout(queue, make_events):
    job = queue.add("x")
    with pytest.raises(WaitTimeout, match=r"job 1 did not finish within 0\.05 s"):
        make_events().wait_until_finished(job.id, timeout=0.05)


def test_waiting_for_a_job_that_never_was_says_so(make_events):
    with pytest.raises(JobNotFound, match="nobody"):
        make_events().wait_until_finished("nobody", timeout=5)
