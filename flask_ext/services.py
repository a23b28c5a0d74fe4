"""A queue as an application's code wants it: methods, stats, failed jobs, records in the log."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import Unpack

from bullrush import Celery
from bullrush.app.headers import queue_name
from bullrush.app.moments import delay_ms, moment_of
from bullrush.app.sending import check_payload
from bullrush.core import Job, Queue
from bullrush.core.errors import BullrushError
from bullrush.core.nodes import Node
from bullrush.core.options import JobOptions
from bullrush.ids import uuid

logger = logging.getLogger("bullrush.services")

#: Of a job that is wanted before those that wait with a priority.
URGENT = 1


class FailedJob(BaseModel):
    """A failed job; its JSON has Node's names.

    Attributes:
        timestamp: Unix ms at which it was added.
    """

    model_config = ConfigDict(populate_by_name=True)

    id: str
    name: str
    data: Any
    failed_reason: str | None = Field(alias="failedReason")
    attempts_made: int = Field(alias="attemptsMade")
    timestamp: int


class QueueService:
    """What an application does with one queue. Subclasses say which, and add methods of their own:

        class Emails(QueueService):
            queue_name = "email-queue"

            def welcome(self, user):
                return self.add("welcome", {"to": user.email, "userId": user.id})

    Every task of the application that goes to this queue has a method of its last name:
    ``emails.send_receipt(order_id)`` is ``send_receipt.delay(order_id)``.

    Args:
        queue: the queue.
        celery: whose tasks it knows; None for none.
        logger: where `job.added` and `job.add_failed` are told.
    """

    #: The queue that a subclass is for.
    queue_name: ClassVar[str] = ""

    def __init__(
        self, queue: Queue, celery: Celery | None = None, logger: logging.Logger = logger
    ) -> None:
        self.queue, self.celery, self.logger = queue, celery, logger

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.queue.name!r}>"

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The method of a task."""
        task = None if name.startswith("_") else self._tasks().get(name)
        if task is None:
            raise AttributeError(
                f"{type(self).__name__!r} has no attribute {name!r}, and the queue "
                f"{self.queue.name!r} has no task of that name"
            )

        def send(*args: Any, **kwargs: Any) -> Any:
            data = {**kwargs, **(args[0] if args and isinstance(args[0], Mapping) else {})}
            return self._told(task.name, data, lambda: task.delay(*args, **kwargs))

        return update_wrapper(send, task.run)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._tasks()]

    def add(self, name: str, data: Any = None, **options: Unpack[JobOptions]) -> Job:
        """Add a job.

        Args:
            name: what a worker knows the job by.
            data: any JSON value.
            **options: see `JobOptions`; times are in ms.

        Raises:
            TypeError: the name is missing.
            BullrushError: as `Queue.add`; it is in the log as well.
        """
        if not isinstance(name, str):
            raise TypeError(
                f"the name of the job comes first, as in add('send-email', data), not {name!r:.60}"
            )
        job: Job = self._told(name, data, lambda: self._add(name, data, options))
        return job

    def urgent(self, name: str, data: Any = None, **options: Unpack[JobOptions]) -> Job:
        """As `add`, before all jobs that wait with a priority; those without one run first."""
        options["priority"] = URGENT
        return self.add(name, data, **options)

    def schedule(
        self, name: str, data: Any, when: datetime.datetime, **options: Unpack[JobOptions]
    ) -> Job:
        """As `add`, to run at that time; one without a time zone is UTC."""
        options["delay"] = delay_ms(moment_of(when, "when"))
        return self.add(name, data, **options)

    def get_stats(self) -> dict[str, Any]:
        """How many jobs are in each state, the ``total``, and whether it is ``paused``."""
        counts = self.queue.get_job_counts()
        shown: dict[str, Any] = {state: counts[state] for state in _STATES}
        return {**shown, "paused": self.queue.is_paused(), "total": sum(counts.values())}

    def get_failed(self, limit: int = 50) -> list[FailedJob]:
        """The newest failed jobs, the last first; at most so many."""
        jobs = self.queue.get_jobs("failed", end=limit - 1) if limit > 0 else []
        return [_failed_job(job) for job in jobs]

    def retry(self, job_id: str) -> None:
        """Run a failed job again.

        Raises:
            JobNotFound: there is no such job; 404 over HTTP.
            WrongState: it has not failed; 409 over HTTP.
        """
        self.queue.retry_job(job_id)

    def retry_all(self) -> int:
        """Run all failed jobs again; how many there were."""
        return self.queue.retry_jobs("failed")

    def cleanup(self, grace_ms: int) -> int:
        """Take away what completed or failed longer ago than that; how many there were."""
        kinds = ("completed", "failed")
        return sum(len(self.queue.clean(grace_ms, type=kind)) for kind in kinds)

    def pause(self) -> None:
        """Let no worker take a job until `resume`."""
        self.queue.pause()

    def resume(self) -> None:
        """Let workers take jobs again."""
        self.queue.resume()

    def _tasks(self) -> dict[str, Any]:
        """The tasks of this queue by the names of their methods."""
        celery = self.__dict__.get("celery")
        if celery is None:
            return {}
        found: dict[str, Any] = {}
        for name, task in celery.tasks.items():
            options = celery.routed({"queue": queue_name(task.queue)}, name, (), {}, task)
            if not name.startswith("celery.") and self.queue.name in celery.queues_for(options):
                found[name.rpartition(".")[2].replace("-", "_")] = task
        return found

    def _add(self, name: str, data: Any, options: JobOptions) -> Job:
        """Add it, or keep it while Redis is away when the application's calls are spooled."""
        celery = self.celery
        if celery is not None and celery.conf.max_payload_bytes:
            check_payload(self.queue.prepare(name, data, options), celery.conf.max_payload_bytes)
        if celery is None or celery.conf.on_broker_down != "spool":
            return self.queue.add(name, data, **options)
        options.setdefault("job_id", uuid())  # by which a replay knows it
        prepared = self.queue.prepare(name, data, options)
        ids: list[str] = []
        celery.outage.send("spool", [Node(prepared, self.queue.keys)], added=ids.extend)
        return Job(self.queue.keys.base, ids[0] if ids else prepared.id, prepared.stored)

    def _told(self, name: str, data: Any, send: Callable[[], Any]) -> Any:
        """What it sends, with a record of how that went."""
        known = {"component": type(self).__name__, "queue": self.queue.name, "job_name": name}
        if isinstance(data, Mapping):
            known["user_id"] = data.get("userId", data.get("user_id"))
        try:
            sent = send()
        except (BullrushError, ConnectionError) as error:
            more = {**known, "event": "job.add_failed", "error": type(error).__name__}
            self.logger.error("%s job not added: %s", name, error, extra=more)
            raise
        more = {**known, "event": "job.added", "job_id": sent.id}
        self.logger.info("%s job added: %s", name, sent.id, extra=more)
        return sent


#: In the order in which people know them.
_STATES = (
    "waiting",
    "active",
    "completed",
    "failed",
    "delayed",
    "prioritized",
    "waiting-children",
)


def _failed_job(job: Job) -> FailedJob:
    return FailedJob(
        id=job.id,
        name=job.name,
        data=job.data,
        failedReason=job.failed_reason,
        attemptsMade=job.attempts_made,
        timestamp=job.timestamp,
    )
