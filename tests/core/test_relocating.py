"""Handing an active job over to another queue."""

from __future__ import annotations

import pytest

from bullrush.core import Queue
from bullrush.core.calls import run
from bullrush.core.delivery import Delivery
from bullrush.core.errors import InvalidJobId, LockMismatch, LockMissing
from bullrush.core.outcome import Postponed, RawJson, Retried
from bullrush.core.relocating import become_call, relocate_call

AGAIN = Retried(0, "busy", "stack", exception="{}")


@pytest.fixture
def here(url, queue_name):
    with Queue(queue_name, url=url) as queue:
        yield queue


@pytest.fixture
def there(url, queue_name):
    with Queue(f"{queue_name}-there", url=url) as queue:
        yield queue


def take(queue):
    job = queue.get_next_job("token", block=5)
    assert job is not None
    return Delivery(job, queue, "token")


def relocate(delivery, there, outcome=AGAIN):
    run(there.driver, relocate_call(delivery, there, outcome))


def test_all_of_the_job_moves_and_the_attempt_counts(here, there):
    job = here.add("x", {"n": 1}, priority=2)
    here.add_log(job.id, "row")
    relocate(take(here), there)
    assert here.get_job(job.id) is None
    assert set(here.get_job_counts().values()) == {0}
    moved = there.get_job(job.id)
    assert (moved.data, moved.attempts_made, moved.failed_reason) == ({"n": 1}, 1, "busy")
    assert (there.get_state(job.id), moved.stacktrace, moved.priority) == (
        "prioritized",
        ["stack"],
        2,
    )
    assert there.get_logs(job.id) == ["row"]
    assert take(there).job.id == job.id


def test_it_may_wait_there(here, there):
    job = here.add("x")
    relocate(take(here), there, Retried(60_000, "later"))
    assert (there.get_state(job.id), there.get_job(job.id).delay) == ("delayed", 60_000)


def test_a_job_of_somebody_else_stays(here, there):
    job = here.add("x")
    delivery = take(here)
    with pytest.raises(LockMismatch):
        relocate(Delivery(delivery.job, here, "other"), there)
    here.move_to_completed(delivery.job, None, "token")
    with pytest.raises(LockMissing):
        relocate(delivery, there)
    assert (here.get_state(job.id), there.get_job(job.id)) == ("completed", None)


def test_an_id_that_is_in_use_there_changes_nothing(here, there):
    job = here.add("x", job_id="same")
    there.add("y", job_id="same")
    with pytest.raises(InvalidJobId, match="same"):
        relocate(take(here), there)
    assert (here.get_state(job.id), there.get_job(job.id).name) == ("active", "y")


def test_an_attempt_that_does_not_count_leaves_no_failure(here, there):
    job = here.add("x", {"n": 1})
    relocate(take(here), there, Postponed(0, RawJson('{"n":2}')))
    moved = there.get_job(job.id)
    assert (moved.data, moved.attempts_made, moved.failed_reason) == ({"n": 2}, 0, None)
    assert there.get_state(job.id) == "waiting"


def become(delivery, name="y", data='{"n":2}', **options):
    run(delivery.queue.driver, become_call(delivery, name, RawJson(data), **options))


def test_another_job_keeps_the_id_and_starts_afresh(here):
    job = here.add("x", {"n": 1}, attempts=3)
    here.move_to_delayed(job.id, 1, take(here).token)
    delivery = take(here)
    delivery.update_progress(50)
    become(delivery)
    changed = here.get_job(job.id)
    assert (changed.name, changed.data, changed.progress) == ("y", {"n": 2}, 0)
    assert (here.get_state(job.id), changed.attempts_started) == ("active", 1)
    delivery.move_to_wait()
    assert take(here).job.name == "y"


def test_another_job_may_be_more_urgent_and_later(here):
    job = here.add("x", priority=5)
    delivery = take(here)
    become(delivery, delay=60_000, priority=2)
    changed = here.get_job(job.id)
    assert (changed.delay, changed.priority) == (60_000, 2)


def test_nothing_becomes_of_a_job_of_somebody_else(here):
    job = here.add("x")
    delivery = take(here)
    with pytest.raises(LockMismatch):
        become(Delivery(delivery.job, here, "other"))
    here.move_to_completed(delivery.job, None, "token")
    with pytest.raises(LockMissing):
        become(delivery)
    assert here.get_job(job.id).name == "x"
