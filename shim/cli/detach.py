"""A command that goes on in the background."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click

from bullrush.core.errors import InvalidOption

from .daemon import start_in_background

#: Options that say how a command runs in the background.
_HOW = ("uid", "gid", "umask", "executable")


def detach_options(command: Any) -> Any:
    """``--detach`` and what belongs to it."""
    for option in reversed(
        (
            click.option("--detach", is_flag=True, help="Run in the background."),
            click.option("--uid", help="The user to run as; with --detach."),
            click.option("--gid", help="The group to run as; with --detach."),
            click.option("--umask", help="For what it writes, such as 022; with --detach."),
            click.option("--executable", help="The Python to run; with --detach."),
        )
    ):
        command = option(command)
    return command


def take_detached(options: dict[str, Any]) -> bool:
    """Take `detach_options` out of the options of a command, and start it in the background if they
    say so.

    Returns:
        Whether it was; there is nothing left to do then.

    Raises:
        InvalidOption: one of them without ``--detach``, a user or a group that is not there, or an
            `executable` that cannot be run.
    """
    detach = options.pop("detach")
    given = {name: value for name in _HOW if (value := options.pop(name)) is not None}
    if not detach:
        for name in given:
            raise InvalidOption(f"--{name} says how to run in the background: add --detach")
        return False
    words = _without(sys.argv[1:])
    _start(list(words), given)
    return True


def _without(words: Sequence[str]) -> Iterator[str]:
    """The words of a command without those that say how to run it in the background."""
    rest = iter(words)
    for word in rest:
        name, sign, _ = word.partition("=")
        if name.removeprefix("--") in _HOW and name.startswith("--"):
            if not sign:
                next(rest, None)
        elif word not in ("--detach", "-D"):
            yield word


def _start(words: Sequence[str], how: dict[str, Any]) -> None:
    try:
        start_in_background(
            words,
            how.get("executable"),
            user=_number(how.get("uid")),
            group=_number(how.get("gid")),
            umask=int(how.get("umask", "-1"), 8),
        )
    except (OSError, ValueError, KeyError) as error:
        raise InvalidOption(f"cannot run in the background: {error}") from None


def _number(name: str | None) -> int | str | None:
    return int(name) if name is not None and name.isdigit() else name
