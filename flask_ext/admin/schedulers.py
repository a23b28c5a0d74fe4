"""Job schedulers: what runs again and again, and when next."""

from __future__ import annotations

from pydantic import Field
from pydantic.alias_generators import to_camel
from werkzeug.exceptions import NotFound

from bullrush.core.operations import JobScheduler

from ..access.roles import Role
from ..upcoming import next_runs
from .actions import Acted, acted
from .editing import Options, refuse_hidden
from .models import Answer, Body, Json, Name, Query
from .routing import Asked, Routes
from .shown import NOT_SHOWN, redaction_of

ROUTES = Routes()
_ALL = "/admin/queues/<path:queue>/schedulers"
_ONE = f"{_ALL}/<path:scheduler_id>"


class Scheduler(Answer):
    """A job scheduler."""

    id: str
    name: str
    next: int = Field(description="Unix ms of the next run")
    runs: list[int] = Field(description="Unix ms of the next runs, five at most")
    iteration_count: int | None
    every: int | None = Field(description="ms between two runs")
    pattern: str | None = Field(description="cron")
    tz: str | None
    limit: int | None
    start_date: int | None
    end_date: int | None
    offset: int | None
    data: Json = None
    options: dict[str, Json] = Field(description="of its jobs, by BullMQ's names")


class SchedulersQuery(Query):
    """Which are listed."""

    start: int = Field(0, ge=0, le=2**31)
    count: int = Field(100, ge=1, le=500)


class Schedulers(Answer):
    """Job schedulers, the next due first."""

    schedulers: list[Scheduler]
    total: int


class Upsert(Body):
    """When a scheduler runs and what its jobs are: one of `every` and `pattern`."""

    every: int | None = Field(None, ge=1, le=2**41, description="ms")
    pattern: str | None = Field(None, min_length=1, max_length=200, description="cron")
    tz: str | None = Field(None, max_length=100, description="IANA zone")
    limit: int | None = Field(None, ge=1, le=2**31)
    start_date: int | None = Field(None, ge=0, le=2**43, description="Unix ms")
    end_date: int | None = Field(None, ge=0, le=2**43, description="Unix ms")
    immediately: bool = False
    offset: int | None = Field(None, ge=0, le=2**41, description="ms into each interval")
    name: Name | None = None
    data: Json = None
    options: Options = Field(default_factory=Options)  # type: ignore[arg-type]


class Removed(Answer):
    """Whether there was one."""

    removed: bool


@ROUTES.get(_ALL)
def list_schedulers(asked: Asked, query: SchedulersQuery) -> Schedulers:
    """The job schedulers of a queue with their next five runs."""
    last = query.start + query.count - 1
    found = asked.queue.get_job_schedulers(query.start, last, ascending=True)
    total = asked.queue.get_job_schedulers_count()
    return Schedulers(schedulers=[_shown(asked, each) for each in found], total=total)


@ROUTES.get(_ONE)
def show_scheduler(asked: Asked) -> Scheduler:
    """One job scheduler with its next five runs."""
    return _shown(asked, _found(asked))


@ROUTES.action(_ONE, method="PUT")
def upsert_scheduler(asked: Asked, body: Upsert) -> Scheduler:
    """Make a job scheduler, or change it. Data that is sent back as it was shown stays whole."""
    names = ("every", "pattern", "tz", "limit", "start_date", "end_date", "offset", "name")
    given = {name: getattr(body, name) for name in names}
    asked.queue.upsert_job_scheduler(
        _id(asked),
        immediately=body.immediately,
        options=body.options.keywords(),
        data=_whole(asked, body.data),
        **given,
    )
    return _shown(asked, _found(asked))


@ROUTES.action(f"{_ONE}/run")
def run_scheduler(asked: Asked) -> Acted:
    """Add a job of a scheduler now. Its own runs stay as they are."""
    found = _found(asked)
    options = {n: v for n, v in found.options.items() if n in Options.model_fields}
    job = asked.queue.add(found.name, found.data, **options)
    return acted(asked, job.id)


@ROUTES.action(f"{_ONE}/remove", Role.ADMIN)
def remove_scheduler(asked: Asked) -> Removed:
    """Take a job scheduler away, with its next run."""
    _found(asked)
    return Removed(removed=asked.queue.remove_job_scheduler(_id(asked)))


def _whole(asked: Asked, data: Json) -> Json:
    """The data that is meant: the present one if it is shown like that."""
    present = asked.queue.get_job_scheduler(_id(asked))
    if present is not None and _shown_data(asked, present) == data:
        found: Json = present.data
        return found
    refuse_hidden(data, "data")
    return data


def _shown_data(asked: Asked, scheduler: JobScheduler) -> Json:
    shows = asked.binding.settings.show_job_data
    found: Json = redaction_of(asked.binding)(scheduler.data) if shows else NOT_SHOWN
    return found


def _shown(asked: Asked, scheduler: JobScheduler) -> Scheduler:
    redaction = redaction_of(asked.binding)
    hidden = {"data", "offset", "options", "runs"}
    return Scheduler(
        **{name: getattr(scheduler, name) for name in Scheduler.model_fields.keys() - hidden},
        offset=scheduler.offset if scheduler.every else None,
        runs=next_runs(scheduler),
        data=_shown_data(asked, scheduler),
        options=redaction({to_camel(name): each for name, each in scheduler.options.items()}),
    )


def _found(asked: Asked) -> JobScheduler:
    found = asked.queue.get_job_scheduler(_id(asked))
    if found is None:
        raise NotFound(f"there is no job scheduler {_id(asked)[:100]!r}")
    return found


def _id(asked: Asked) -> str:
    return asked.path["scheduler_id"]
