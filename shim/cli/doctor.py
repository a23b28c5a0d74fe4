"""``bullrush doctor``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from ..app import Celery
from ..diagnosis import FAIL, OK, WARN, examine, worst
from .commands import Command

_COLOURS = {OK: "green", WARN: "yellow", FAIL: "red"}


@click.command(cls=Command)
@click.option("-j", "--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def doctor(app: Celery, as_json: bool) -> None:
    """Look for what is wrong with Redis, the settings and the queues, and say what mends it.

    Ends with 1 when something does not work.
    """
    app.loader.import_default_modules()
    findings = list(examine(app))
    verdict = worst(findings)
    if as_json:
        rows = [asdict(each) for each in findings]
        click.echo(json.dumps({"status": verdict, "findings": rows}, indent=2))
    for each in [] if as_json else findings:
        status = click.style(f"{each.status:<4}", fg=_COLOURS[each.status])
        click.echo(f"{status}  {each.check}: {each.message}")
        if each.fix:
            click.echo(f"      fix: {each.fix}")
    sys.exit(1 if verdict == FAIL else 0)
