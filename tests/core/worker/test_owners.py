"""Jobs of workers whose process is gone are taken back at once."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from bullrush.core.worker.identity import Identity, identity_of
from bullrush.core.worker.owners import OwnerService
from tests.support.trips import Hands


@pytest.fixture
def here():
    """This process."""
    return Identity.mine()


@pytest.fixture
def gone(here):
    """A process of this machine that has ended."""
    script = "from bullrush.core.worker.identity import Identity; print(Identity.mine())"
    text = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    identity = identity_of(text.stdout.strip())
    assert identity is not None
    return identity


def take(queue, stored, token):
    """A job in the hands of somebody with that token."""
    job = queue.add("x")
    Hands(queue).take()
    stored.run("SET", stored.keys.job_part(job.id, "lock"), token, "PX", 30_000)
    return job


def test_a_token_tells_whose_it_is(here):
    assert identity_of(f"{here}:17") == here
    for foreign in ("", "9b2e1c4e-uuid:3", "br1.x.y", "br1.!.b.n.1.2.z:1", f"{here}"[4:]):
        assert identity_of(foreign) is None


def test_what_is_gone_and_what_is_not(here, gone):
    assert gone.is_gone(here)
    assert not here.is_gone(here)
    reused = dataclasses.replace(here, started=here.started + 1)
    assert reused.is_gone(here)
    for part in ("host", "boot", "namespace"):
        assert not dataclasses.replace(gone, **{part: "elsewhere"}).is_gone(here)
    assert not dataclasses.replace(gone, started=0).is_gone(here)


def test_a_job_of_a_dead_process_is_next_in_line_again(queue, stored, here, gone):
    job = take(queue, stored, f"{gone}:1")
    assert OwnerService([queue], here, 1).look(queue) == [job.id]
    assert (queue.get_state(job.id), queue.get_job(job.id).stalled_count) == ("waiting", 1)
    assert not stored.exists(stored.keys.job_part(job.id, "lock"))
    assert stored.event_names()[-2:] == ["waiting", "stalled"]
    assert "0" in stored.marker()


def test_a_job_that_was_lost_too_often_is_failed_unseen(queue, stored, here, gone):
    job = take(queue, stored, f"{gone}:1")
    OwnerService([queue], here, 0).look(queue)
    assert queue.get_job(job.id).deferred_failure == "job stalled more than allowable limit"


def test_jobs_of_living_and_of_unknown_owners_stay(queue, stored, here):
    jobs = [take(queue, stored, token) for token in (f"{here}:1", "node-uuid:1")]
    assert OwnerService([queue], here, 1).look(queue) == []
    assert [queue.get_state(job.id) for job in jobs] == ["active", "active"]


def test_a_job_that_changed_hands_meanwhile_stays(queue, stored, here, gone):
    job = take(queue, stored, f"{gone}:1")
    service = OwnerService([queue], here, 1)
    service.recover(queue, [(job.id, "an older token")])
    assert queue.get_state(job.id) == "active"
