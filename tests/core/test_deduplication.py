"""Deduplication ids as such (protocol part 2, section 3.4); how adds obey them is in
test_adding.py.
"""

from __future__ import annotations

import pytest

from bullrush.core import Deduplication, JobNotFound


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
