"""``bullrush dlq``: the jobs that have failed for good, those in the set ``failed``."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any, TypeVar

import click

from bullrush.core import Queue
from bullrush.core.errors import BullrushError, JobNotFound, WrongState
from bullrush.core.job import FIELDS, Job

from ..app import Celery
from .commands import Command

#: Fields of a failed job that are shown.
_SHOWN = ("id", "name", "data", "failedReason", "attemptsMade", "timestamp")
F = TypeVar("F", bound=Callable[..., Any])


def queue_option(function: F) -> F:
    """Which queue it is about."""
    return click.option("-Q", "--queue", help="The queue; the application's default queue.")(
        function
    )


def chosen(function: F) -> F:
    """Some jobs by id, or all."""
    function = click.option("--all", "everything", is_flag=True, help="All failed jobs.")(function)
    return click.argument("ids", nargs=-1, metavar="ID...")(function)


@click.group()
def dlq() -> None:
    """Failed jobs: list them, look at one, run them again, take them away."""


@dlq.command(name="ls", cls=Command)
@queue_option
@click.option("-n", "--limit", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("-j", "--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def listed(app: Celery, queue: str | None, limit: int, as_json: bool) -> None:
    """List failed jobs, the newest first."""
    # A range of BullMQ holds both of its ends.
    jobs = _queue(app, queue).get_failed(0, limit - 1)
    if as_json:
        click.echo(json.dumps([row_of(job) for job in jobs], indent=2))
        return
    for job in jobs:
        reason = (job.failed_reason or "").splitlines()[:1]
        at = _moment(job.finished_on)
        click.echo(f"{job.id:<38} {at}  {job.attempts_made:>2}x  {job.name}  {''.join(reason)}")
    if not jobs:
        click.echo("no failed jobs")


@dlq.command(cls=Command)
@click.argument("job_id", metavar="ID")
@queue_option
@click.pass_obj
def show(app: Celery, job_id: str, queue: str | None) -> None:
    """Print one failed job with its data and its stack, as JSON."""
    found = _queue(app, queue)
    view = found.view(job_id)
    if view.job is None:
        raise click.ClickException(f"{found.name} has no job {job_id!r}")
    if view.state != "failed":
        raise click.ClickException(f"job {job_id} is {view.state}, not failed")
    click.echo(json.dumps({**row_of(view.job), "stacktrace": view.job.stacktrace}, indent=2))


@dlq.command(cls=Command)
@chosen
@queue_option
@click.pass_obj
def retry(app: Celery, ids: Sequence[str], everything: bool, queue: str | None) -> None:
    """Run failed jobs again."""
    found = _queue(app, queue)
    if _all(ids, everything):
        click.echo(f"{found.retry_jobs('failed')} wait again")
        return
    _each(ids, found.retry_job, "waits again")


@dlq.command(cls=Command)
@chosen
@click.option("-f", "--force", is_flag=True, help="Ask nothing.")
@queue_option
@click.pass_obj
def rm(app: Celery, ids: Sequence[str], everything: bool, force: bool, queue: str | None) -> None:
    """Take failed jobs away. There is no way back."""
    found = _queue(app, queue)
    if not _all(ids, everything):
        _each(ids, lambda job_id: _remove(found, job_id), "is gone")
        return
    count = found.get_failed_count()
    if not force:
        click.confirm(f"Take away {count} failed jobs of {found.name}?", abort=True)
    click.echo(f"{len(found.clean(0, type='failed'))} are gone")


def row_of(job: Job) -> dict[str, Any]:
    """A failed job with BullMQ's names."""
    whole = job.to_dict()
    return {name: whole.get(name) for name in (*_SHOWN, FIELDS["finished_on"])}


def _queue(app: Celery, name: str | None) -> Queue:
    return app.queue(name or app.conf.task_default_queue)


def _all(ids: Sequence[str], everything: bool) -> bool:
    if bool(ids) == everything:
        raise click.UsageError("name jobs by their ids, or say --all")
    return everything


def _each(ids: Sequence[str], act: Callable[[str], Any], done: str) -> None:
    """One bad id does not stop the others."""
    failed = 0
    for job_id in ids:
        try:
            act(job_id)
            click.echo(f"{job_id} {done}")
        except BullrushError as error:
            failed += 1
            click.echo(f"{job_id}: {error}", err=True)
    if failed:
        raise click.exceptions.Exit(1)


def _remove(queue: Queue, job_id: str) -> None:
    view = queue.view(job_id)
    if view.job is None:
        raise JobNotFound(f"{queue.name} has no job {job_id!r}")
    if view.state != "failed":
        raise WrongState(f"job {job_id} is {view.state}, not failed")
    queue.remove(job_id)


def _moment(ms: int | None) -> str:
    if ms is None:
        return "-"
    return datetime.fromtimestamp(ms / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
