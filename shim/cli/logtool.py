"""``bullrush logtool``: what a worker's log says."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from .commands import Command

_LINE = re.compile(r"^\[(?P<time>[^\]]+?): (?P<level>[A-Z]+)/(?P<process>[^\]]+)\] (?P<text>.*)$")
_RECEIVED = re.compile(r"^Task (?P<name>\S+?)\[(?P<id>[^\]]+)\] received")
_DONE = re.compile(r"^Task (?P<name>\S+?)\[(?P<id>[^\]]+)\] (?P<what>succeeded|raised|ignored)")

_files = click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False))


@click.group()
def logtool() -> None:
    """What the log of a worker says."""


@logtool.command(cls=Command)
@_files
def stats(files: tuple[str, ...]) -> None:
    """How many tasks of each name came, and what became of them."""
    received: Counter[str] = Counter()
    ended: Counter[tuple[str, str]] = Counter()
    for text, _ in _entries(files):
        if match := _RECEIVED.match(text):
            received[match["name"]] += 1
        elif match := _DONE.match(text):
            ended[match["name"], match["what"]] += 1
    click.echo(f"Tasks received: {sum(received.values())}")
    for name, count in received.most_common():
        parts = [
            f"{what}: {ended[name, what]}"
            for what in ("succeeded", "raised", "ignored")
            if ended[name, what]
        ]
        click.echo(f"  {name}: {count}{' (' + ', '.join(parts) + ')' if parts else ''}")


@logtool.command(cls=Command)
@_files
def traces(files: tuple[str, ...]) -> None:
    """Tracebacks, each once with how often it came."""
    found = Counter(rest for _, rest in _entries(files) if "Traceback" in rest)
    for trace, count in found.most_common():
        click.echo(f"{count} times:\n{trace}\n")


@logtool.command(cls=Command)
@_files
def errors(files: tuple[str, ...]) -> None:
    """Entries of level ERROR and CRITICAL."""
    for text, rest in _entries(files, ("ERROR", "CRITICAL")):
        click.echo(f"{text}\n{rest}".rstrip())


@logtool.command(cls=Command)
@_files
def incomplete(files: tuple[str, ...]) -> None:
    """Ids of tasks that came and have not ended."""
    there: dict[str, str] = {}
    for text, _ in _entries(files):
        if match := _RECEIVED.match(text):
            there[match["id"]] = match["name"]
        elif match := _DONE.match(text):
            there.pop(match["id"], None)
    for task_id, name in there.items():
        click.echo(f"{name}[{task_id}]")


@logtool.command(cls=Command)
@_files
def debug(files: tuple[str, ...]) -> None:
    """Lines that are no entry of a log and follow none."""
    for line in _lines(files):
        if _LINE.match(line):
            return
        click.echo(line)


def _lines(files: Iterable[str]) -> Iterator[str]:
    if not files:
        yield from (line.rstrip("\n") for line in sys.stdin)
    for name in files:
        with Path(name).open(encoding="utf-8", errors="replace") as lines:
            yield from (line.rstrip("\n") for line in lines)


def _entries(files: Iterable[str], levels: Iterable[str] = ()) -> Iterator[tuple[str, str]]:
    """(text, the lines after it) of each entry, of these levels or of all."""
    text: str | None = None
    wanted, rest = False, list[str]()
    for line in _lines(files):
        match = _LINE.match(line)
        if match is None:
            rest.append(line)
            continue
        if text is not None and wanted:
            yield text, "\n".join(rest)
        text, rest = match["text"], []
        wanted = not levels or match["level"] in levels
    if text is not None and wanted:
        yield text, "\n".join(rest)
