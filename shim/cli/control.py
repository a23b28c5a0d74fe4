"""``bullrush status``."""

from __future__ import annotations

import sys

import click

from ..app import Celery
from .commands import Command

#: Celery's exit code for: nobody answered.
UNAVAILABLE = 69


@click.command(cls=Command)
@click.pass_obj
def status(app: Celery) -> None:
    """List the workers of the application's queues, Node's as well."""
    app.loader.import_default_modules()
    found = 0
    for name in app.known_queues():
        for client in app.queue(name).get_workers():
            found += 1
            _, _, worker_name = client["name"].partition(":w:")
            click.echo(f"{worker_name or client.get('addr', '?')}: OK ({name})")
    if not found:
        click.echo("Error: no worker is there", err=True)
        sys.exit(UNAVAILABLE)
    click.echo(f"\n{found} {'node' if found == 1 else 'nodes'} online.")
