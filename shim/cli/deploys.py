"""``bullrush mark-deploy``."""

from __future__ import annotations

import click

from bullrush.core.deploys import mark_deploy as mark

from ..app import Celery
from .commands import Command


@click.command("mark-deploy", cls=Command)
@click.argument("text", default="deploy")
@click.pass_obj
def mark_deploy(app: Celery, text: str) -> None:
    """Mark this moment in the charts of the dashboard: TEXT, such as a version, is deployed.

    bullrush mark-deploy "$(git describe)"
    """
    deploy = mark(app.driver, app.prefix, text)
    click.echo(f"marked: {deploy.text}")
