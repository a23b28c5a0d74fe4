"""Groups and commands of the command line: found when they are asked for, with options that an
application adds.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

import click

from .. import signals
from ..bridge import install_as_celery

if TYPE_CHECKING:
    from ..app.base import Celery

#: Entry points in which other libraries offer commands. Those in the first import Celery: Flower.
OF_CELERY = "celery.commands"
PLUGINS = (OF_CELERY, "bullrush.commands")
HELP = {"help_option_names": ["-h", "--help"]}
#: Under this name the context of a command line keeps whether little should be said.
QUIET = "bullrush.quiet"
#: And under this one, whether there should be no colours.
NO_COLOR = "bullrush.no_color"


@dataclass(frozen=True)
class CLIContext:
    """What a command of another library gets as the object of its context, as in Celery.

    Attributes:
        app: the application.
        no_color: whether there should be no colours.
        quiet: whether little should be said.
    """

    app: Celery
    no_color: bool
    quiet: bool

    @classmethod
    def of(cls, ctx: click.Context) -> CLIContext:
        """That of a context whose object is the application."""
        return cls(ctx.obj, bool(ctx.meta.get(NO_COLOR)), bool(ctx.meta.get(QUIET)))

    def style(self, message: Any = None, **styles: Any) -> str:
        """As `click.style`, without colours when there should be none."""
        return str(message) if self.no_color else click.style(message, **styles)

    def secho(self, message: Any = None, **options: Any) -> None:
        """As `click.secho`, without colours when there should be none."""
        click.secho(message, **{"color": False if self.no_color else None, **options})

    def echo(self, *words: Any, **options: Any) -> None:
        """As `click.echo`."""
        click.echo(*words, **options)

    def error(self, message: Any = None, **options: Any) -> None:
        """As `secho`, on standard error."""
        self.secho(message, **{"err": True, **options})


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
            signals.user_preload_options.send(sender=self, app=_app_of(ctx), options=early)
        if self.name != "worker":  # whose receivers of `celeryd_init` and `worker_init` get them
            for option in _added(ctx, self.name):
                ctx.params.pop(str(option.name), None)
        return super().invoke(ctx)


#: Our own commands that need an extra, and what lists say of them without importing that. As all of
#: ours they get the application itself.
_OWN = {"serve": "The admin API, health and the dashboard, alone."}


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
        added = super().get_command(ctx, cmd_name)
        if added is not None:
            return Plugin(cmd_name, lambda: added, added.help)
        plugin = _plugins().get(cmd_name)
        return None if plugin is None else Plugin(cmd_name, plugin, _OWN.get(cmd_name))

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


def _app_of(ctx: click.Context) -> Any:
    return ctx.obj.app if isinstance(ctx.obj, CLIContext) else ctx.obj


def _added(ctx: click.Context, name: str | None) -> list[click.Parameter]:
    return list(getattr(_app_of(ctx), "user_options", {}).get(name, ()))


def _plugins() -> dict[str, Callable[[], click.Command]]:
    return {
        each.name: partial(_plugin, each) for group in PLUGINS for each in entry_points(group=group)
    }


def _plugin(point: EntryPoint) -> Any:
    """What imports Celery would be half of one library and half of another without its name."""
    if point.group == OF_CELERY:
        install_as_celery()
    return point.load()


class Plugin(click.Command):
    """A command of another library, which is imported when it is used and not for a list."""

    def __init__(
        self, name: str, load: Callable[[], click.Command], help: str | None = None
    ) -> None:
        super().__init__(name, help=help or f"A command of another library: {name} --help.")
        self._load = load

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """See click.

        Raises:
            click.ClickException: it cannot be imported; says what is missing.
        """
        try:
            command = self._load()
        except (ImportError, RuntimeError) as error:
            raise click.ClickException(f"{self.name} cannot be used: {error}") from None
        if parent is not None and self.name not in _OWN:
            parent.obj = CLIContext.of(parent)
        return command.make_context(info_name, args, parent, **extra)


def names(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> list[str] | None:
    """``a,b``: a list of texts."""
    if value is None:
        return None
    return [part.strip() for part in value.split(",") if part.strip()]


#: Of an option that takes several names.
NAMES: dict[str, Any] = {"callback": names, "metavar": "A,B,..."}
