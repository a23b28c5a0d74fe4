"""Deduplication ids as such (protocol part 2, section 3.4); how adds obey them is in
test_adding.py.
"""

from __future__ import annotations

import pytest

from bullrush.core import Completed, Deduplication, JobNotFound, Retried


def test_the_job_that_has_an_id_is_told(queue):
    assert queue.get_deduplication_job_id("d") is None
    job = queue.add("x", deduplication="d")
    assert queue.get_deduplication_job_id("d") == job.id


def test_a_freed_id_makes_the_next_add_a_new_job(queue):
    first = queue.add("x", deduplication=Deduplication("d", ttl=60_000))
    assert queue.remove_deduplication_key("d")
    assert not queue.remove_deduplication_key("d")
    second = queue.add("x", deduplication="d")
    assert (second.id != first.id, queue.get_deduplication_job_id("d")) == (True, second.id)


def test_a_job_gives_up_only_the_id_it_has(queue):
    first = queue.add("x", deduplication="d")
    assert queue.remove_deduplication_key_of(first.id)
    assert not queue.remove_deduplication_key_of(first.id)
    second = queue.add("x", deduplication="d")
    assert not queue.remove_deduplication_key_of(first.id)
    assert queue.get_deduplication_job_id("d") == second.id
    assert not queue.remove_deduplication_key_of(queue.add("x").id)


def test_a_missing_job_is_named(queue):
    with pytest.raises(JobNotFound, match="nobody"):
        queue.remove_deduplication_key_of("nobody")


def test_a_last_add_with_an_id_that_is_used_by_now_is_a_duplicate(queue, hands, stored):
    rule = Deduplication("d", keep_last_if_active=True)
    queue.add("x", deduplication=rule)
    running = hands.take()[0]
    queue.add("last", deduplication=rule, job_id="own")
    queue.add("other", job_id="own")
    hands.commit(running, Completed(None))
    assert [job.name for job in queue.get_waiting()] == ["other"]
    assert {"event": "duplicated", "jobId": "own"} in stored.events()
    assert not stored.exists(stored.keys.deduplication_next + "d")


def test_the_last_add_runs_even_when_the_job_fails_before_its_next_attempt(queue, hands):
    rule = Deduplication("d", keep_last_if_active=True)
    first = queue.add("x", 1, deduplication=rule)
    running = hands.take()[0]
    queue.add("x", 2, deduplication=rule)
    hands.commit(running, Retried(60_000, "not yet"))
    queue.fail_waiting(first.id, "revoked")
    (next_job,) = queue.get_waiting()
    assert next_job.data == 2
    assert queue.get_deduplication_job_id("d") == next_job.id


def test_a_ttl_of_an_earlier_add_ends_with_one_that_waits_for_the_job(queue, stored):
    queue.add("x", deduplication=Deduplication("d", ttl=60_000))
    rule = Deduplication("d", ttl=60_000, extend=True, keep_last_if_active=True)
    queue.add("x", deduplication=rule)
    assert stored.run("PTTL", stored.keys.deduplication + "d") == -1


def test_replacing_takes_a_vanished_job_out_of_the_delayed_ones(queue, stored):
    rule = Deduplication("d", replace=True)
    ghost = queue.add("x", delay=60_000, deduplication=rule)
    stored.run("DEL", stored.keys.job(ghost.id))
    job = queue.add("x", delay=60_000, deduplication=rule)
    assert stored.ids("delayed") == [job.id]
