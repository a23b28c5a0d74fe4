"""``bullrush call`` and ``bullrush result``."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Callable
from typing import Any

import click

from ..app import Celery
from .commands import Command


def _json(kind: type, name: str) -> Callable[..., Any]:
    """A JSON value of one kind."""

    def read(context: click.Context, parameter: click.Parameter, value: str | None) -> Any:
        if value is None:
            return None
        try:
            found = json.loads(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
        if not isinstance(found, kind):
            raise click.BadParameter(f"{value} is no {name}")
        return found

    return read


def moment(context: click.Context, parameter: click.Parameter, value: str | None) -> Any:
    """ISO text."""
    if value is None:
        return None
    try:
        return datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _expiry(context: click.Context, parameter: click.Parameter, value: str | None) -> Any:
    """Seconds, or ISO text."""
    try:
        return None if value is None else float(value)
    except ValueError:
        return moment(context, parameter, value)


@click.command(cls=Command)
@click.argument("name")
@click.option(
    "-a", "--args", metavar="JSON", callback=_json(list, "array"), help="Positional arguments."
)
@click.option(
    "-k", "--kwargs", metavar="JSON", callback=_json(dict, "object"), help="Keyword arguments."
)
@click.option("--eta", metavar="ISO-8601", callback=moment, help="When to run.")
@click.option("--countdown", type=float, help="Seconds until it runs.")
@click.option(
    "--expires", metavar="S|ISO-8601", callback=_expiry, help="When it is too late to run."
)
@click.option("--serializer", help="How its arguments are encoded; json.")
@click.option("--queue", help="Where it goes.")
@click.option("--exchange", help="Where it goes, by Celery's routing.")
@click.option("--routing-key", help="The same.")
@click.pass_obj
def call(
    app: Celery,
    /,
    name: str,
    args: list[Any] | None,
    kwargs: dict[str, Any] | None,
    **options: Any,
) -> None:
    """Have a worker run the task NAME, and print the task's id."""
    given = {option: value for option, value in options.items() if value is not None}
    click.echo(app.send_task(name, args or (), kwargs or {}, **given).id)


@click.command(cls=Command)
@click.argument("task_id")
@click.option("-t", "--task", help="Its name, when it has a result class of its own.")
@click.option("--traceback", is_flag=True, help="Print the traceback instead.")
@click.pass_obj
def result(app: Celery, task_id: str, task: str | None, traceback: bool) -> None:
    """Wait for the task TASK_ID and print what it returned."""
    found: Any = app.tasks[task].AsyncResult(task_id) if task else app.AsyncResult(task_id)
    if traceback:
        click.echo(found.traceback)
        return
    try:
        click.echo(found.get())
    except Exception as error:
        click.echo(found.traceback or repr(error), err=True)
        sys.exit(1)
