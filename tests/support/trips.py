"""A worker by hand, for tests that look at one trip to Redis at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bullrush.core import Job, Queue
from bullrush.core.calls import run
from bullrush.core.clock import now_ms
from bullrush.core.delivery import Delivery, Finished
from bullrush.core.outcome import Outcome
from bullrush.core.records import KEEP_ALL, Retention
from bullrush.core.trip import Limiter, Reply, Request, commit_and_fetch
from bullrush.core.worker.execution import Execution
from bullrush.core.worker.stalled import StalledService


class Hands:
    """Takes jobs of a queue and commits outcomes without threads or timers.

    Args:
        queue: the queue.
        name: the worker's name.
    """

    def __init__(self, queue: Queue, name: str = "") -> None:
        self.queue = queue
        self.name = name
        self._tokens = 0

    def trip(
        self,
        finished: Sequence[tuple[Delivery, Outcome]] = (),
        most: int = 0,
        *,
        now: int | None = None,
        lock_ms: int = 30_000,
        limiter: Limiter | None = None,
        metrics: int | None = None,
        retention: Retention = KEEP_ALL,
    ) -> Reply:
        """One call of the script."""
        self._tokens += 1
        request = Request(
            now=now_ms() if now is None else now,
            token=f"{self.name or 'hands'}:{self._tokens}",
            lock_ms=lock_ms,
            most=most,
            limiter=limiter,
            worker=self.name,
            metrics=metrics,
        )
        records = [self.record(each, outcome, retention).record for each, outcome in finished]
        return run(self.queue.driver, commit_and_fetch(self.queue.keys, records, request))

    @staticmethod
    def record(delivery: Delivery, outcome: Outcome, retention: Retention = KEEP_ALL) -> Finished:
        """An outcome as the worker has it: a job with a deferred failure has no other."""
        return Execution(lambda _: outcome, retention=retention)(delivery)

    def take(self, most: int = 1, **options: Any) -> list[Delivery]:
        """Fetch up to that many jobs."""
        reply = self.trip(most=most, **options)
        return [self.delivery(job) for job in reply.jobs]

    def delivery(self, job: Job, token: str | None = None) -> Delivery:
        """A job that was handed out in the last trip."""
        return Delivery(
            job, self.queue, token or f"{self.name or 'hands'}:{self._tokens}", self.name
        )

    def commit(self, delivery: Delivery, outcome: Outcome, **options: Any) -> int:
        """Commit one outcome and fetch nothing; the result code."""
        return self.trip([(delivery, outcome)], **options).codes[0]

    def sweep(self, interval_ms: int = 1, forgiven: int = 1) -> list[str]:
        """One stalled check; the ids that were taken back."""
        return StalledService([self.queue], interval_ms, forgiven).sweep(self.queue)
