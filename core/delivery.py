"""A delivery: a job in a worker's hands, with the token of its lock, and what came of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from .job import Job
from .outcome import Outcome
from .queue import Queue


class Delivery:
    """What a handler gets.

    Attributes:
        job: the job as it was fetched.
        queue: the queue it came from; its operations act at once.
        token: the value of the job's lock.
        data: the decoded payload.
        worker_name: the name of the worker that runs it.
    """

    __slots__ = ("_lost", "data", "job", "queue", "token", "worker_name")

    def __init__(self, job: Job, queue: Queue, token: str, worker_name: str = "") -> None:
        self.job = job
        self.queue = queue
        self.token = token
        self.worker_name = worker_name
        self.data: Any = None
        self._lost = threading.Event()

    def __repr__(self) -> str:
        return f"<Delivery of {self.job!r}>"

    @property
    def lock_lost(self) -> bool:
        """Whether the lock is gone: another worker may run the job by now, and this outcome will
        not count.
        """
        return self._lost.is_set()

    def lose_lock(self) -> None:
        """Said by the worker's lock service."""
        self._lost.set()

    def update_progress(self, progress: Any) -> None:
        """Store how far the job is, any JSON value, and tell everybody who listens (protocol 6.12).

        Raises:
            JobNotFound: the job is gone.
            UnserializableData: `progress` has no JSON form.
            ConnectionFailed: Redis did not answer.
        """
        self.queue.update_progress(self.job.id, progress)

    def log(self, row: str) -> int:
        """Add a row to the job's log; returns the number of rows.

        Raises:
            JobNotFound: the job is gone.
            ConnectionFailed: Redis did not answer.
        """
        keep = self.job.opts.get("keepLogs")
        return self.queue.add_log(self.job.id, row, keep if isinstance(keep, int) else None)


@dataclass(frozen=True)
class Finished:
    """A delivery that was run, with its outcome and the outcome's form for the script
    `commit_and_fetch`.
    """

    delivery: Delivery
    outcome: Outcome
    record: tuple[str | int, ...]
    seconds: float = 0.0
