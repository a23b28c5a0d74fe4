"""Commands of Celery that have no meaning here: each says what to use instead."""

from __future__ import annotations

import click

from .commands import HELP, Command

_ANY = {**HELP, "ignore_unknown_options": True, "allow_extra_args": True}


@click.command(cls=Command, context_settings=_ANY)
def amqp() -> None:
    """Not here: Redis is no AMQP broker."""
    raise click.UsageError(
        "amqp: Redis is no AMQP broker; bullrush purge, list bindings and shell do what its "
        "commands did"
    )


@click.group()
def graph() -> None:
    """Not here: says what to use instead."""


@graph.command(cls=Command, context_settings=_ANY)
def bootsteps() -> None:
    """Not here: workers have no bootsteps."""
    raise click.UsageError(
        "graph bootsteps: workers have no bootsteps here; docs/architecture.md has their parts"
    )


@graph.command(cls=Command, context_settings=_ANY)
def workers() -> None:
    """Not here: see status and inspect stats."""
    raise click.UsageError("graph workers: use bullrush status or bullrush inspect stats")


@click.command(cls=Command, context_settings=_ANY)
def events() -> None:
    """Not here yet: says what to use instead."""
    raise click.UsageError(
        "events: there is no stream of Celery's events yet; bullrush.core.QueueEvents tells what "
        "happens to jobs"
    )


@click.command(cls=Command, context_settings=_ANY)
def inspect() -> None:
    """Not here yet: says what to use instead."""
    raise click.UsageError("inspect: workers cannot be asked yet; bullrush status lists them")


@click.command(cls=Command, context_settings=_ANY)
def control() -> None:
    """Not here yet: says what to use instead."""
    raise click.UsageError(
        "control: workers take no commands yet; start them with the options they need"
    )
