"""``bullrush mark-deploy``."""

from __future__ import annotations

import datetime

import click

from bullrush.core.deploys import mark_deploy as mark

from ..app import Celery
from ..app.moments import moment_of
from .commands import Command
from .tasks import moment


@click.command("mark-deploy", cls=Command)
@click.argument("text", default="deploy")
@click.option(
    "--at",
    metavar="ISO-8601",
    callback=moment,
    help="When it was deployed, in UTC unless it says otherwise; now.",
)
@click.pass_obj
def mark_deploy(app: Celery, text: str, at: datetime.datetime | None) -> None:
    """Mark this moment in the charts of the dashboard: TEXT, such as a version, is deployed.

    bullrush mark-deploy "$(git describe)"
    """
    when = None if at is None else round(moment_of(at, "at").timestamp() * 1000)
    deploy = mark(app.driver, app.prefix, text, at=when)
    click.echo(f"marked: {deploy.text}")
