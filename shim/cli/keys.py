"""``bullrush keys``."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from bullrush.core.inventory import take_inventory

from ..app import Celery
from .commands import Command


@click.command(cls=Command)
@click.option("-Q", "--queue", help="Only the keys of this queue.")
@click.option("-j", "--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def keys(app: Celery, queue: str | None, as_json: bool) -> None:
    """List the keys of queues with their types and sizes. Looks by SCAN, so others are not held up.

    Of jobs there is only a number: each has a hash, and may have a log and a lock beside it.
    """
    found = take_inventory(app.driver, app.prefix, queue)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
        return
    for each in found:
        click.echo(each.name or "(private)")
        for entry in each.own:
            click.echo(f"  {entry.key:<50} {entry.kind:<7} {entry.size}")
        if each.others:
            click.echo(f"  {'of jobs and schedulers':<50} {'':<7} {each.others}")
