"""Adding jobs, and changing what a job carries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field
from werkzeug.exceptions import Conflict, UnprocessableEntity

from bullrush.core import Backoff, Job, Keep, RawJson
from bullrush.core.options import JobOptions, snake_case

from ..access.packed import is_packed
from ..access.redaction import HIDDEN
from .actions import Acted, acted, viewed
from .models import Body, JobId, Json, Milliseconds, Name
from .routing import Asked, Routes
from .shown import NOT_SHOWN
from .tasks import check_task

ROUTES = Routes()
_JOBS = "/admin/queues/<path:queue>/jobs"

#: Options of a job that belong to it alone, and not to a copy.
_OWN = ("job_id", "parent", "repeat", "deduplication", "timestamp", "prev_millis", "repeat_job_key")
Count = Annotated[int, Field(ge=0, le=2**31)]


class BackoffBody(Body):
    """How long a failed job waits before it runs again."""

    type: str = Field("fixed", min_length=1, max_length=100, description="or a strategy's name")
    delay: Milliseconds = 0
    jitter: float | None = Field(None, ge=0, le=1)


class KeepBody(Body):
    """Which finished jobs stay."""

    count: Count | None = None
    age: Count | None = Field(None, description="s")


class Options(Body):
    """Options of a new job, by BullMQ's names."""

    job_id: JobId | None = None
    delay: Milliseconds | None = None
    priority: int | None = Field(None, ge=0, le=2**21 - 1)
    lifo: bool | None = None
    attempts: int | None = Field(None, ge=1, le=10_000)
    backoff: Milliseconds | BackoffBody | None = None
    remove_on_complete: bool | Count | KeepBody | None = None
    remove_on_fail: bool | Count | KeepBody | None = None
    keep_logs: Count | None = None

    def keywords(self) -> JobOptions:
        """As keyword options of `Queue.add`."""
        given: Any = {name: _plain(value) for name, value in self if value is not None}
        options: JobOptions = given
        return options


class Add(Body):
    """A new job."""

    name: Name
    data: Json = None
    options: Options = Field(default_factory=Options)  # type: ignore[arg-type]
    check: bool = Field(False, description="refuse data that the task of that name does not take")


class Edit(Body):
    """What is changed of a job. `data` replaces what it carries; `patch` is merged into it (RFC
    7396), so that what is not shown stays.
    """

    data: Json = None
    patch: dict[str, Json] | None = None
    retry: bool = Field(True, description="run it again, if it has failed or completed")


class Duplicate(Body):
    """How the copy of a job differs."""

    delay: Milliseconds | None = None
    priority: int | None = Field(None, ge=0, le=2**21 - 1)
    patch: dict[str, Json] | None = Field(None, description="merged into its data (RFC 7396)")


@ROUTES.action(_JOBS)
def add_job(asked: Asked, body: Add) -> Acted:
    """Add a job."""
    refuse_hidden(body.data, "data")
    if body.check:
        check_task(asked.binding, body.name, body.data)
    job = asked.queue.add(body.name, body.data, **body.options.keywords())
    return acted(asked, job.id)


@ROUTES.action(f"{_JOBS}/<path:job_id>/edit")
def edit_job(asked: Asked, body: Edit) -> Acted:
    """Change what a job carries, and run it again if it has ended."""
    view = viewed(asked)
    assert view.job is not None
    if view.state == "active":
        raise Conflict("a worker is at the job: change it when that has ended")
    given = body.model_fields_set & {"data", "patch"}
    if len(given) != 1:
        raise UnprocessableEntity("data, patch: give one of them")
    refuse_hidden(body.data, "data")
    _refuse_half_packed(body.data)
    data = body.data if "data" in given else _patched(view.job, body.patch)
    asked.queue.update_data(asked.job_id, data)
    if body.retry and view.state in ("failed", "completed"):
        asked.queue.retry_job(asked.job_id, view.state)
    return acted(asked)


@ROUTES.action(f"{_JOBS}/<path:job_id>/duplicate")
def duplicate_job(asked: Asked, body: Duplicate) -> Acted:
    """Add a copy of a job, with an id of its own and no parent."""
    job = viewed(asked).job
    assert job is not None
    stored = {snake_case(name): value for name, value in job.opts.items()}
    known = JobOptions.__annotations__
    options: Any = {n: v for n, v in stored.items() if n in known and n not in _OWN}
    options.pop("delay", None)
    changed = {"delay": body.delay, "priority": body.priority}
    options.update({name: value for name, value in changed.items() if value is not None})
    raw = (job.raw("data") or b"{}").decode("utf-8", "surrogateescape")
    data = RawJson(raw) if body.patch is None else _patched(job, body.patch)
    copy = asked.queue.add(job.name, data, **options)
    return acted(asked, copy.id)


def _plain(value: Any) -> Any:
    if isinstance(value, BackoffBody):
        return Backoff(value.type, value.delay, value.jitter)
    if isinstance(value, KeepBody):
        return Keep(value.count, value.age)
    return value


def _patched(job: Job, patch: Mapping[str, Any] | None) -> Any:
    refuse_hidden(patch, "patch")
    try:
        data = job.data
    except (ValueError, RecursionError):
        raise Conflict("the data of the job is no JSON: replace it by 'data'") from None
    if isinstance(data, Mapping) and is_packed(data):
        raise Conflict("what the job carries is packed: replace it by 'data', args and kwargs")
    return merged(data, patch)


def _refuse_half_packed(data: Any) -> None:
    """As it is shown, what was packed is no more; the words that say so would mislead a worker."""
    if isinstance(data, Mapping) and "content_type" in data and {"args", "kwargs"} & data.keys():
        raise UnprocessableEntity(
            "data: it has args and kwargs, which are not packed; leave content_type, "
            "content_encoding and compression out"
        )


def merged(target: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def refuse_hidden(data: Any, name: str) -> None:
    """What was not shown would be lost."""
    text = json.dumps(data)
    for mark in (HIDDEN, NOT_SHOWN):
        if mark in text:
            raise UnprocessableEntity(
                f"{name}: it has {mark!r} where a value was not shown, which would be lost; "
                "leave that out and send the rest as 'patch'"
            )
