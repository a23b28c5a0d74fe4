"""Groups and commands of the command line: found when they are asked for, with options that an
application adds.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import click

from .. import signals

#: Entry points in which other libraries offer commands; Flower is in the first.
PLUGINS = ("celery.commands", "bullrush.commands")
HELP = {"help_option_names": ["-h", "--help"]}


class Command(click.Command):
    """A command that takes the options in ``app.user_options`` as well: those under its own name,
    and those under ``preload``, which `user_preload_options` tells of.
    """

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """See click."""
        extra = [each for name in (self.name, "preload") for each in _added(ctx, name)]
        return [*super().get_params(ctx), *extra]

    def invoke(self, ctx: click.Context) -> Any:
        """See click."""
        early = {
            option.name: ctx.params.pop(option.name)
            for option in _added(ctx, "preload")
            if option.name in ctx.params
        }
        if early:
            signals.user_preload_options.send(sender=self, app=ctx.obj, options=early)
        if self.name != "worker":  # whose receivers of `celeryd_init` and `worker_init` get them
            for option in _added(ctx, self.name):
                ctx.params.pop(str(option.name), None)
        return super().invoke(ctx)


class Commands(click.Group):
    """A group whose commands are imported when they are used, and that other libraries add to.

    Args:
        homes: name -> ``module:attribute`` in this package.
    """

    def __init__(self, *args: Any, homes: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.homes = dict(homes or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See click."""
        return sorted({*super().list_commands(ctx), *self.homes, *_plugins()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click."""
        if cmd_name in self.homes:
            module, _, attribute = self.homes[cmd_name].partition(":")
            found: click.Command = getattr(import_module(module, __package__), attribute)
            return found
        plugin = _plugins().get(cmd_name)
        return super().get_command(ctx, cmd_name) if plugin is None else _loaded(cmd_name, plugin)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See click; an unknown command is refused with the nearest known one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            if near:
                text = f"{error.message} Did you mean {near[0]!r}?"
                raise click.UsageError(text, ctx) from None
            raise


def _added(ctx: click.Context, name: str | None) -> list[click.Parameter]:
    return list(getattr(ctx.obj, "user_options", {}).get(name, ()))


def _plugins() -> dict[str, Callable[[], click.Command]]:
    return {each.name: each.load for group in PLUGINS for each in entry_points(group=group)}


def _loaded(name: str, load: Callable[[], click.Command]) -> click.Command:
    """A command of another library, or of an extra; one that says what is missing in its place."""
    try:
        return load()
    except ImportError as error:
        missing = f"{name} cannot be used: {error}"

        def refuse(*words: Any, **options: Any) -> None:
            raise click.ClickException(missing)

        settings = {"ignore_unknown_options": True, "allow_extra_args": True}
        return click.Command(name, context_settings=settings, callback=refuse, help=missing)


def names(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> list[str] | None:
    """``a,b``: a list of texts."""
    if value is None:
        return None
    return [part.strip() for part in value.split(",") if part.strip()]


#: Of an option that takes several names.
NAMES: dict[str, Any] = {"callback": names, "metavar": "A,B,..."}
