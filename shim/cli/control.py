"""``bullrush status``, ``inspect`` and ``control``: commands for workers that are up."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pprint import pformat
from textwrap import indent
from typing import Any, TypeVar

import click

from ..app import Celery
from ..worker.control import Panel
from . import depths
from .commands import NAMES, QUIET, Command

F = TypeVar("F", bound=Callable[..., Any])

#: Celery's exit code for: nobody answered.
UNAVAILABLE = 69
SILENCE = "Error: No nodes replied within time constraint"


def remote_options(function: F) -> F:
    """Who is asked, and how the answers look."""
    for option in (
        click.option("-j", "--json", "as_json", is_flag=True, help="Answers as JSON."),
        click.option("-d", "--destination", **NAMES, help="Names of workers; all of them."),
        click.option("-t", "--timeout", type=float, default=1.0, help="Seconds to wait; 1."),
    ):
        function = option(function)
    return function


@click.command(cls=Command)
@remote_options
@click.pass_context
def status(
    context: click.Context, timeout: float, destination: list[str] | None, as_json: bool
) -> None:
    """List the workers that are up, and how the queues stand with the slots of their workers."""
    app: Celery = context.obj
    answers = app.control.inspect(timeout=timeout, destination=destination).ping() or {}
    queues = depths.snapshots(app)
    if as_json:
        # No worker can be called so: their names have an @.
        told = {**answers, "queues": {each.name: depths.as_json(each) for each in queues}}
        click.echo(json.dumps(told, default=repr))
    for name in [] if as_json else answers:
        _say_node(name)
    if not as_json and not context.meta.get(QUIET):
        click.echo(depths.table(queues))
    _end(context, answers, quiet=as_json)


@click.command(cls=Command)
@click.argument("words", nargs=-1, metavar="COMMAND [ARGUMENT]...")
@click.option("--list", "listed", is_flag=True, help="Say which commands there are.")
@remote_options
@click.pass_context
def inspect(context: click.Context, /, words: tuple[str, ...], **options: Any) -> None:
    """Ask workers what they do; --list says which commands there are."""
    _run(context, "inspect", words, **options)


@click.command(cls=Command)
@click.argument("words", nargs=-1, metavar="COMMAND [ARGUMENT]...")
@click.option("--list", "listed", is_flag=True, help="Say which commands there are.")
@remote_options
@click.pass_context
def control(context: click.Context, /, words: tuple[str, ...], **options: Any) -> None:
    """Tell workers what to do; --list says which commands there are."""
    _run(context, "control", words, **options)


def _run(
    context: click.Context,
    kind: str,
    words: Sequence[str],
    listed: bool,
    timeout: float,
    destination: list[str] | None,
    as_json: bool,
) -> None:
    app: Celery = context.obj
    app.loader.import_default_modules()
    if listed:
        click.echo(listing(kind))
        return
    if not words:
        raise click.UsageError(f"Missing argument 'COMMAND': {', '.join(commands_of(kind))}")
    name, *rest = words
    # What is not listed is refused by the workers, which say what to do instead.
    if name not in Panel.meta or Panel.meta[name].type != kind:
        raise click.UsageError(
            f"Command {name} not recognized. Available {kind} commands: "
            f"{', '.join(commands_of(kind))}"
        )
    arguments = arguments_of(name, rest)
    told = None if as_json else _show
    answers = app.control.broadcast(
        name, arguments, destination, reply=True, timeout=timeout, callback=told
    )
    by_node = {node: answer for each in answers or () for node, answer in each.items()}
    if as_json:
        click.echo(json.dumps(answers if kind == "control" else by_node, default=repr))
    if kind == "control":
        sys.exit(0 if by_node else _silent())
    _end(context, by_node, quiet=as_json)


def commands_of(kind: str) -> list[str]:
    """Names of the commands, those of the project included."""
    return sorted(name for name, each in Panel.meta.items() if each.type == kind and each.visible)


def listing(kind: str) -> str:
    """The commands with their arguments and their help."""
    formatter = click.HelpFormatter(width=80)
    with formatter.section(f"{kind.capitalize()} Commands"):
        formatter.write_dl(
            [
                (f"{name} {Panel.meta[name].signature or ''}".strip(), Panel.meta[name].help or "")
                for name in commands_of(kind)
            ]
        )
    return formatter.getvalue().rstrip()


def arguments_of(name: str, words: Sequence[str]) -> dict[str, Any]:
    """The words of a command line as the arguments of a command.

    Raises:
        click.UsageError: too many of them, or one of a wrong type.
    """
    info = Panel.meta[name]
    places = list(info.args or ())
    if len(words) > len(places) and not info.variadic:
        raise click.UsageError(
            f"{name} takes {len(places)} arguments, not {len(words)}: {info.signature or 'none'}"
        )
    found: dict[str, Any] = {}
    for (argument, kind), word in zip(places, words, strict=False):
        try:
            found[argument] = kind(word)
        except ValueError as error:
            raise click.UsageError(f"{name}: {argument}: {error}") from None
    if info.variadic:
        found[info.variadic] = list(words[len(places) :])
    return found


def _show(answer: Mapping[str, Any]) -> None:
    for node, said in answer.items():
        good = not (isinstance(said, Mapping) and "error" in said)
        _say_node(node, good)
        click.echo(_indented(said))


def _say_node(name: str, good: bool = True) -> None:
    arrow, verdict = click.style("->", fg="blue"), "OK" if good else "ERROR"
    click.echo(f"{arrow}  {name}: {click.style(verdict, fg='green' if good else 'red')}")


def _indented(said: Any) -> str:
    if isinstance(said, Mapping) and len(said) == 1 and next(iter(said)) in ("ok", "error"):
        return indent(_written(next(iter(said.values()))), " " * 8)
    return indent(_written(said), " " * 4)


def _written(said: Any) -> str:
    if isinstance(said, list):
        rows = [each if isinstance(each, str) else pformat(each, width=10**6) for each in said]
        return "\n".join(f"* {row}" for row in rows) or "- empty -"
    if isinstance(said, Mapping):
        return json.dumps(said, indent=4, default=repr)
    return said if isinstance(said, str) else pformat(said)


def _end(context: click.Context, answers: Mapping[str, Any], quiet: bool = False) -> None:
    if not answers:
        sys.exit(_silent())
    if not quiet and not context.meta.get(QUIET):
        click.echo(f"\n{len(answers)} {'node' if len(answers) == 1 else 'nodes'} online.")


def _silent() -> int:
    click.echo(SILENCE, err=True)
    return UNAVAILABLE
