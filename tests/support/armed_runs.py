"""A clock that tests move, and what is stored of job schedulers and their runs."""

from __future__ import annotations

from datetime import datetime, timezone

#: 2026-01-15 10:07:33.250 UTC
START = 1_768_471_653_250
MINUTE, DAY = 60_000, 86_400_000


class Hand:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def forward(self, ms: int) -> None:
        """Let time pass."""
        self.now += ms


def at(*parts):
    """Unix ms of a moment in UTC."""
    return int(datetime(*parts, tzinfo=timezone.utc).timestamp() * 1000)


def slot_of(job):
    """The slot in a run's id."""
    return int(job.id.rpartition(":")[2])


def run_next(queue, token="t"):
    """Take the next run, which must be there, and complete it."""
    job = queue.get_next_job(token)
    assert job is not None
    queue.move_to_completed(job, None, token)
    return job


def definition(stored, scheduler_id="s"):
    """The stored hash of a scheduler."""
    return stored.hash(f"repeat:{scheduler_id}")


def pending(stored):
    """Ids of all jobs that are to run."""
    return [each for place in ("wait", "prioritized", "delayed") for each in stored.ids(place)]
