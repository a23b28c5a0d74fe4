"""``bullrush purge`` and ``bullrush list``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from ..app import Celery
from .commands import NAMES, Command

_ROW = "{:<28} {:<28} {}"


@click.command(cls=Command)
@click.option("-f", "--force", is_flag=True, help="Ask nothing.")
@click.option("-Q", "--queues", **NAMES, help="Only these queues.")
@click.option("-X", "--exclude-queues", **NAMES, help="All queues but these.")
@click.pass_obj
def purge(
    app: Celery, force: bool, queues: list[str] | None, exclude_queues: list[str] | None
) -> None:
    """Take away every task that waits or is delayed. There is no way back."""
    app.loader.import_default_modules()
    gone = set(exclude_queues or ())
    names = sorted({*(queues or app.known_queues())} - gone)
    if not force:
        click.secho("WARNING:", fg="red", nl=False)
        click.echo(
            f"This will remove all tasks from {_queues(len(names))}: {', '.join(names)}.\n"
            "         There is no undo for this operation!\n\n"
            "(to skip this prompt use the -f option)"
        )
        click.confirm("Are you sure you want to delete all tasks?", abort=True)
    purged = _purge(app, names)
    if purged:
        messages = "message" if purged == 1 else "messages"
        click.echo(
            f"Purged {purged} {messages} from {len(names)} known task {_queues(len(names))}."
        )
    else:
        click.echo(f"No messages purged from {len(names)} {_queues(len(names))}.")


def _purge(app: Celery, names: Sequence[str]) -> int:
    if not sys.stdout.isatty() or len(names) < 2:
        return sum(app.queue(name).drain(delayed=True) for name in names)
    purged = 0
    with click.progressbar(names, label="purging") as progress:
        for name in progress:
            purged += app.queue(name).drain(delayed=True)
    return purged


def _queues(count: int) -> str:
    return "queue" if count == 1 else "queues"


@click.group(name="list")
def listing() -> None:
    """What there is in Redis."""


@listing.command(cls=Command)
@click.pass_obj
def bindings(app: Celery) -> None:
    """The queues with the names that Celery's routing knows them by."""
    app.loader.import_default_modules()
    known: dict[str, Any] = dict(app.amqp.queues)
    click.echo(_ROW.format("Queue", "Exchange", "Routing Key"))
    click.echo(_ROW.format(*["-" * 16] * 3))
    for name in sorted({*known, *app.known_queues()}):
        queue = known.get(name)
        exchange = getattr(getattr(queue, "exchange", None), "name", None) or name
        key = getattr(queue, "routing_key", None) or name
        click.echo(_ROW.format(name, exchange, key))
