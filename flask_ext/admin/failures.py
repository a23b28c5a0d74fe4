"""Failed jobs by their cause: a bounded look through a queue."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pydantic import Field

from bullrush.core import Job, Queue

from .fingerprints import Fingerprint, fingerprint_of
from .models import Answer, Query
from .places import all_queues
from .routing import Asked, Routes
from .selection import newest
from .shown import redaction_of

ROUTES = Routes()
_QUEUE = "/admin/queues/<path:queue>"


class ScanQuery(Query):
    """How much is looked at."""

    scan: int = Field(1000, ge=1, le=20_000, description="jobs of each state, at most")


class ErrorGroup(Answer):
    """Failures with the same cause."""

    fingerprint: str
    kind: str = Field(description="the class of the exception; empty when nobody knows it")
    message: str = Field(description="that of the newest")
    frame: str = Field(description="the innermost place in the application's own code")
    count: int
    first: int | None = Field(description="Unix ms of the oldest")
    last: int | None = Field(description="Unix ms of the newest")
    queues: dict[str, int]
    names: dict[str, int]
    job_id: str = Field(description="the newest")
    queue: str = Field(description="where that is")


class Errors(Answer):
    """Causes, the most frequent first."""

    errors: list[ErrorGroup]
    scanned: int
    complete: bool = Field(description="false when there are more failed jobs than were looked at")


@ROUTES.get("/admin/errors")
def list_errors(asked: Asked, query: ScanQuery) -> Errors:
    """The failed jobs of all queues by their cause."""
    return _errors(asked, all_queues(asked.binding), query.scan)


@ROUTES.get(f"{_QUEUE}/errors")
def list_errors_of_queue(asked: Asked, query: ScanQuery) -> Errors:
    """The failed jobs of one queue by their cause. An action on many jobs takes `fingerprint`."""
    return _errors(asked, [asked.queue], query.scan)


@dataclass
class _Group:
    fingerprint: Fingerprint
    jobs: list[Job] = field(default_factory=list)


def _errors(asked: Asked, queues: list[Queue], scan: int) -> Errors:
    groups: dict[str, _Group] = {}
    scanned, complete = 0, True
    for queue in queues:
        jobs = newest(asked.binding, queue, "failed", scan)
        scanned, complete = scanned + len(jobs), complete and len(jobs) < scan
        for job in jobs:
            fingerprint = fingerprint_of(job)
            groups.setdefault(fingerprint.id, _Group(fingerprint)).jobs.append(job)
    rows = [_shown(asked, group) for group in groups.values()]
    rows.sort(key=lambda row: (-row.count, row.fingerprint))
    return Errors(errors=rows, scanned=scanned, complete=complete)


def _shown(asked: Asked, group: _Group) -> ErrorGroup:
    redaction = redaction_of(asked.binding)
    times = [job.finished_on for job in group.jobs if job.finished_on is not None]
    latest = max(group.jobs, key=lambda job: job.finished_on or 0)
    return ErrorGroup(
        fingerprint=group.fingerprint.id,
        kind=group.fingerprint.kind,
        message=redaction.text((latest.failed_reason or "")[:500]),
        frame=group.fingerprint.frame,
        count=len(group.jobs),
        first=min(times, default=None),
        last=max(times, default=None),
        queues=dict(Counter(job.queue_name for job in group.jobs)),
        names=dict(Counter(job.name for job in group.jobs)),
        job_id=latest.id,
        queue=latest.queue_name,
    )
