"""``flask bullrush``: the commands of ``bullrush``, for the Flask application that is there."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup, ScriptInfo, with_appcontext

from bullrush.cli.commands import NO_COLOR, QUIET
from bullrush.cli.main import cli as commands
from bullrush.cli.worker import SOURCE
from bullrush.core.errors import BullrushError, InvalidOption
from bullrush.exceptions import ImproperlyConfigured

from .binding import current_binding
from .loading import SOURCE as LOADED
from .loading import tell_children


class FlaskCommands(AppGroup):
    """Finds every command of ``bullrush``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See click."""
        return sorted({*super().list_commands(ctx), *commands.list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click."""
        return super().get_command(ctx, cmd_name) or commands.get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """See click; one line for an error that a user can mend."""
        try:
            return super().invoke(ctx)
        except (InvalidOption, ImproperlyConfigured) as error:
            raise click.UsageError(str(error)) from None
        except BullrushError as error:
            raise click.ClickException(str(error)) from None


@click.group("bullrush", cls=FlaskCommands)
@click.pass_context
@with_appcontext
def bullrush(context: click.Context) -> None:
    """Workers and queues of this application; the commands of bullrush, without -A."""
    tell_children(context.ensure_object(ScriptInfo).app_import_path)
    context.obj = current_binding().celery
    context.meta[SOURCE] = LOADED
    context.meta[NO_COLOR] = context.meta[QUIET] = False
