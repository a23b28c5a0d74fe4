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
