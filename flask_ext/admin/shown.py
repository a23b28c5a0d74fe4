"""A job as it is shown: without secrets, and without its data when operators may not see it."""

from __future__ import annotations

import json
from typing import Any

from pydantic import Field

from bullrush.core import Job

from ..access.redaction import Redaction
from ..binding import Binding
from .models import Answer, Json

#: What takes the place of data that is not shown.
NOT_SHOWN = "[not shown]"


class JobRow(Answer):
    """A job in a list."""

    id: str
    name: str
    queue: str
    state: str
    timestamp: int = Field(description="Unix ms at which it was added")
    processed_on: int | None = Field(description="Unix ms at which a worker took it last")
    finished_on: int | None = Field(description="Unix ms at which it completed or failed")
    delay: int = Field(description="ms for which it was delayed")
    priority: int
    attempts_made: int
    attempts: int = Field(description="how many attempts it may have in all")
    failed_reason: str | None
    processed_by: str | None
    scheduler: str | None = Field(description="the job scheduler that made it")
    parent: str | None = Field(description="the key of its parent")
    tenant: str | None
    progress: Json = None
    data: Json = None


class Attempt(Answer):
    """An attempt that failed."""

    number: int
    stack: str


class JobDetail(JobRow):
    """A job with everything that is known of it."""

    opts: dict[str, Json]
    returnvalue: Json = None
    attempts_started: int
    stalled_count: int
    deduplication_id: str | None
    deferred_failure: str | None
    failures: list[Attempt] = Field(description="the stacks of failed attempts, oldest first")
    logs: list[str] = Field(description="its newest log rows, oldest first")
    log_count: int


def redaction_of(binding: Binding) -> Redaction:
    """Hides what the application's settings name."""
    return binding.door.policy.redaction


def data_shown(binding: Binding, job: Job) -> Any:
    """The decoded data, or its text when another client stored what has no JSON form.

    One bad job must not hide the others.
    """
    try:
        data = job.data
        json.dumps(data, allow_nan=False)
    except (ValueError, RecursionError):
        data = (job.raw("data") or b"").decode("utf-8", "replace")
    return redaction_of(binding)(data)


def row_of(binding: Binding, job: Job, state: str) -> JobRow:
    """A job as lists have it."""
    return JobRow(**_row(binding, job, state))


def detail_of(binding: Binding, job: Job, state: str, logs: list[str], log_count: int) -> JobDetail:
    """A job as its own page has it."""
    redaction = redaction_of(binding)
    shows = binding.settings.show_job_data
    stacks = enumerate(job.stacktrace, max(1, job.attempts_made - len(job.stacktrace) + 1))
    return JobDetail(
        **_row(binding, job, state),
        opts=redaction(job.opts),
        returnvalue=redaction(job.returnvalue) if shows else NOT_SHOWN,
        attempts_started=job.attempts_started,
        stalled_count=job.stalled_count,
        deduplication_id=job.deduplication_id,
        deferred_failure=_text(redaction, job.deferred_failure),
        failures=[Attempt(number=n, stack=redaction.text(stack)) for n, stack in stacks],
        logs=[redaction.text(row) if shows else NOT_SHOWN for row in logs],
        log_count=log_count,
    )


def tenant_of(job: Job, name: str) -> str | None:
    """Whose job it is, where that is known: the field of that name in its data, keyword arguments
    or headers, the header ``tenant`` of a Celery message, or the option ``group`` (or ``group.id``)
    of Node programs.
    """
    raw = job.raw("data") or b""
    if b'"tenant' in raw or f'"{name}"'.encode() in raw:
        found = _in_data(job, name)
        if found is not None:
            return found
    if b'"group"' not in (job.raw("opts") or b""):
        return None
    group = job.opts.get("group")
    return _word(group.get("id") if isinstance(group, dict) else group)


def _in_data(job: Job, name: str) -> str | None:
    try:
        data = job.data
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    message = data.get("celery")
    headers = message.get("headers") if isinstance(message, dict) else None
    kwargs = data.get("kwargs")
    named = [(place, name) for place in (data, headers, kwargs)]
    places = (*named, (headers, "tenant"), (message, "tenant"))
    found = (_word(place.get(key)) for place, key in places if isinstance(place, dict))
    return next((each for each in found if each is not None), None)


def _word(value: Any) -> str | None:
    return str(value)[:200] if isinstance(value, (str, int)) and value != "" else None


def _row(binding: Binding, job: Job, state: str) -> dict[str, Any]:
    redaction = redaction_of(binding)
    shows = binding.settings.show_job_data
    return {
        "id": job.id,
        "name": job.name,
        "queue": job.queue_name,
        "state": state,
        "timestamp": job.timestamp,
        "processed_on": job.processed_on,
        "finished_on": job.finished_on,
        "delay": job.delay,
        "priority": job.priority,
        "attempts_made": job.attempts_made,
        "attempts": max(1, job.attempts),
        "failed_reason": _text(redaction, job.failed_reason),
        "processed_by": job.processed_by,
        "scheduler": job.scheduler_id,
        "parent": job.parent_key,
        "tenant": tenant_of(job, binding.tenant_field),
        "progress": redaction(job.progress) if shows else NOT_SHOWN,
        "data": data_shown(binding, job) if shows else NOT_SHOWN,
    }


def _text(redaction: Redaction, text: str | None) -> str | None:
    return None if text is None else redaction.text(text)
