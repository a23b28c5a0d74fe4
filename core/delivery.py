"""A delivery: a job in a worker's hands, with the token of its lock, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .job import Job
from .outcome import Outcome
from .queue import Queue
from .records import Record


class Delivery:
    """What a handler gets.

    A handler may move its job itself; then it returns, or raises the error of the same name:

        delivery.update_data({**delivery.data, "step": 2})
        delivery.move_to_delayed(now_ms() + 60_000)
        raise DelayedError

    Attributes:
        job: the job as it was fetched.
        queue: the queue it came from; its operations act at once.
        token: the value of the job's lock.
        data: the decoded payload.
        worker_name: the name of the worker that runs it.
        moved: whether the handler has moved the job; the worker has nothing to commit then.
    """

    __slots__ = (
        "__weakref__",
        "_lost",
        "batch",
        "committing",
        "data",
        "job",
        "moved",
        "queue",
        "token",
        "worker_name",
    )

    def __init__(self, job: Job, queue: Queue, token: str, worker_name: str = "") -> None:
        self.job = job
        self.queue = queue
        self.token = token
        self.worker_name = worker_name
        self.data: Any = None
        self.moved = False
        #: Said by the worker while its outcome is on the way: then a lock that is gone is no loss.
        self.committing = False
        #: The batch in which it runs, if it does.
        self.batch: Delivery | None = None
        self._lost = False

    def __repr__(self) -> str:
        return f"<Delivery of {self.job!r}>"

    @property
    def lock_lost(self) -> bool:
        """Whether the lock is gone: another worker may run the job by now, and this outcome will
        not count.
        """
        return self._lost

    def lose_lock(self) -> None:
        """Said by the worker's lock service."""
        self._lost = True

    def update_progress(self, progress: Any) -> None:
        """Store how far the job is, any JSON value, and tell everybody who listens (protocol 6.12).

        Raises:
            JobNotFound: the job is gone.
            UnserializableData: `progress` has no JSON form.
            ConnectionFailed: Redis did not answer.
        """
        self.queue.update_progress(self.job.id, progress)

    def update_data(self, data: Any) -> None:
        """Replace the job's data, here and in Redis, for the run after this one (protocol 6.12).

        Raises:
            JobNotFound: the job is gone.
            UnserializableData: `data` has no JSON form.
            ConnectionFailed: Redis did not answer.
        """
        self.queue.update_data(self.job.id, data)
        self.data = data

    def log(self, row: str) -> int:
        """Add a row to the job's log; returns the number of rows.

        Raises:
            JobNotFound: the job is gone.
            ConnectionFailed: Redis did not answer.
        """
        keep = self.job.opts.get("keepLogs")
        return self.queue.add_log(self.job.id, row, keep if isinstance(keep, int) else None)

    def move_to_delayed(self, timestamp: int) -> None:
        """Have the job run again at `timestamp` (Unix ms), without counting an attempt (protocol
        6.3).

        Raises:
            JobNotFound, LockMissing, LockMismatch, WrongState: the job is not this delivery's.
            ConnectionFailed: Redis did not answer.
        """
        self.queue.move_to_delayed(self.job.id, timestamp, self.token)
        self.moved = True

    def move_to_wait(self) -> int:
        """Put the job back, next in line, without counting an attempt (protocol 6.5).

        Returns:
            ms until the queue's rate limit opens; 0 when there is none.

        Raises:
            As `move_to_delayed`.
        """
        limited_ms = self.queue.move_to_wait(self.job.id, self.token)
        self.moved = True
        return limited_ms

    def move_to_waiting_children(self, child: str | Mapping[str, str] | None = None) -> bool:
        """Wait for children that were added during this run; then the job runs again from the
        start, without counting an attempt (protocol part 2, section 1.8).

        Args:
            child: wait for this one only: its key, or BullMQ's ``{"id", "queue"}``.

        Returns:
            Whether there is something to wait for. With False the handler goes on.

        Raises:
            FailedChildren: a child has failed this job; no further attempt can change that.
            As `move_to_delayed`.
        """
        waits = self.queue.move_to_waiting_children(self.job.id, self.token, child)
        self.moved = self.moved or waits
        return waits

    def get_children_values(self) -> dict[str, Any]:
        """What the children returned: key of the child -> value (protocol part 2, section 1.9).

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        return self.queue.get_children_values(self.job.id)

    def get_ignored_children_failures(self) -> dict[str, str]:
        """Why children failed that did not fail this job: key of the child -> reason.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        return self.queue.get_ignored_children_failures(self.job.id)

    def rate_limit(self, ms: int) -> None:
        """Close the rate limit of the whole queue for `ms`; then raise `RateLimitError`. The
        outcome `RateLimited` does both in one step (protocol 4.4).

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        self.queue.rate_limit(ms)

    def extend_lock(self, ms: int) -> bool:
        """Let the job's lock live for `ms` from now. The worker renews it anyway, unless it was
        told not to.

        Returns:
            Whether the lock was still this delivery's.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        held = self.queue.extend_lock(self.job.id, self.token, ms)
        if not held:
            self.lose_lock()
        return held


@dataclass(frozen=True)
class Finished:
    """A delivery that was run, with its outcome and the outcome's form for the script
    `commit_and_fetch`; the form is empty when there is nothing to commit.

    Args:
        seconds: how long it ran.
        parts: of a batch, outcome and form of each of its members; then `outcome` only says whether
            a rate limit was met.
    """

    delivery: Delivery
    outcome: Outcome
    record: Record
    seconds: float = 0.0
    parts: tuple[tuple[Outcome, Record], ...] = ()
