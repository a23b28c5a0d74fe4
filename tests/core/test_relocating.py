"""Handing an active job over to another queue."""

from __future__ import annotations

import pytest

from bullrush.core import Queue
from bullrush.core.calls import run
from bullrush.core.delivery import Delivery
from bullrush.core.errors import InvalidJobId, LockMismatch, LockMissing
from bullrush.core.outcome import Retried
from bullrush.core.relocating import relocate_call

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
