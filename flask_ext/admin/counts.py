"""How full the queues are and what failed, in the shapes that dashboards of old know."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from bullrush.core import Job
from bullrush.core.views import count_jobs, list_queues

from .models import Answer, Json
from .places import queue_named
from .routing import Asked, Routes
from .shown import data_shown, redaction_of

ROUTES = Routes()
STATES = ("waiting", "active", "completed", "failed", "delayed")
#: How many failed jobs are shown, the newest.
FAILED_JOBS = 50


class Counts(Answer):
    """The five counts. A job with a priority waits as well."""

    waiting: int
    active: int
    completed: int
    failed: int
    delayed: int


class Stats(Counts):
    """The five counts and their sum."""

    total: int


class AllCounts(Answer):
    """The counts of every queue, by its name."""

    queues: dict[str, Counts]


class FailedJob(Answer):
    """A failed job."""

    id: str
    name: str
    failed_reason: str | None
    attempts_made: int
    timestamp: int = Field(description="Unix ms at which it was added")
    data: Json = Field(default=None, description="left out when operators may not see it")

    @model_serializer(mode="wrap")
    def _without_data(self, inner: SerializerFunctionWrapHandler) -> dict[str, Any]:
        shown: dict[str, Any] = inner(self)
        return shown if "data" in self.model_fields_set else _left_out(shown, "data")


class QueueStats(Answer):
    """The counts of one queue, and its newest failed jobs."""

    stats: Stats
    failed_jobs: list[FailedJob]


@ROUTES.get("/admin/queues", bare=True)
def show_queues(asked: Asked) -> AllCounts:
    """The counts of every queue: those in Redis, and those that the application names."""
    binding = asked.binding
    found = list_queues(binding.driver, binding.settings.prefix)
    names = sorted({*found, *binding.settings.queue_aliases.values()})
    queues = [queue for name in names if (queue := queue_named(binding, name)) is not None]
    counts = count_jobs(binding.driver, queues)
    return AllCounts(queues={name: counts_shown(each) for name, each in counts.items()})


@ROUTES.get("/v1/admin/<queue>/queue")
def show_queue(asked: Asked) -> QueueStats:
    """The counts of one queue, and its newest failed jobs. The name may be an alias."""
    shown = counts_shown(asked.queue.get_job_counts()).model_dump()
    failed = asked.queue.get_jobs("failed", end=FAILED_JOBS - 1)
    return QueueStats(
        stats=Stats(**shown, total=sum(shown.values())),
        failed_jobs=[failed_job_shown(asked, job) for job in failed],
    )


def _left_out(shown: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in shown.items() if key != name}


def counts_shown(counts: dict[str, int]) -> Counts:
    """The five counts that these answers have."""
    counts = {**counts, "waiting": counts["waiting"] + counts["prioritized"]}
    return Counts(**{state: counts[state] for state in STATES})


def failed_job_shown(asked: Asked, job: Job) -> FailedJob:
    """A failed job as these answers have it; its data may be none of an operator's business."""
    redaction = redaction_of(asked.binding)
    shown = FailedJob(
        id=job.id,
        name=job.name,
        failed_reason=None if job.failed_reason is None else redaction.text(job.failed_reason),
        attempts_made=job.attempts_made,
        timestamp=job.timestamp,
    )
    if asked.binding.settings.show_job_data:
        shown.data = data_shown(asked.binding, job)
    return shown
