"""``bullrush graph``: the workers that are up, as a picture for Graphviz."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import click

from ..app import Celery
from .commands import HELP, Command

#: Name of a worker -> its queues, its processes or slots.
Workers: TypeAlias = dict[str, tuple[list[str], list[str]]]


@click.group()
def graph() -> None:
    """Print graphs in the DOT format: bullrush graph workers | dot -Tsvg > workers.svg"""


@graph.command(
    cls=Command, context_settings={**HELP, "ignore_unknown_options": True, "allow_extra_args": True}
)
def bootsteps() -> None:
    """Not here: workers have no bootsteps."""
    raise click.UsageError(
        "graph bootsteps: workers have no bootsteps here; docs/architecture.md has their parts"
    )


@graph.command(cls=Command)
@click.argument("words", nargs=-1, metavar="[nodes:A,B threads:N]...")
@click.option("-t", "--timeout", type=float, default=1.0, help="Seconds to wait for answers; 1.")
@click.pass_obj
def workers(app: Celery, words: Sequence[str], timeout: float) -> None:
    """The workers, with their queues and their processes or slots.

    Without nodes:A,B the workers that are up are asked.
    """
    given = _given(words)
    if "nodes" in given:
        slots = [str(number + 1) for number in range(int(given.get("threads", 0)))]
        found: Workers = {name: ([], slots) for name in given["nodes"].split(",")}
    else:
        found = _asked(app, timeout)
    click.echo("\n".join(_dot(app.driver.location, found)))


def _given(words: Sequence[str]) -> dict[str, str]:
    given = {}
    for word in words:
        name, colon, value = word.partition(":")
        if name not in ("nodes", "threads") or not colon or not value:
            raise click.UsageError(f"{word!r} is neither nodes:A,B nor threads:N")
        if name == "threads" and not value.isdigit():
            raise click.UsageError(f"{word!r}: N is a whole number")
        given[name] = value
    return given


def _asked(app: Celery, timeout: float) -> Workers:
    inspect = app.control.inspect(timeout=timeout)
    stats: Mapping[str, Any] = inspect.stats() or {}
    queues: Mapping[str, Any] = (inspect.active_queues() or {}) if stats else {}
    found: Workers = {}
    for name, each in sorted(stats.items()):
        pool = each.get("pool") or {}
        processes, most = pool.get("processes") or (), int(pool.get("max-concurrency") or 0)
        slots = processes if len(processes) >= most else range(1, most + 1)
        served = [str(queue["name"]) for queue in queues.get(name) or ()]
        found[name] = (served, [str(slot) for slot in slots])
    return found


def _dot(location: str, found: Workers) -> Iterator[str]:
    yield "digraph workers {"
    yield "    rankdir=LR; node [style=filled, fontname=Helvetica];"
    yield f"    {_quoted(location)} [shape=cylinder, fillcolor=lightblue];"
    for queue in sorted({queue for queues, _ in found.values() for queue in queues}):
        yield f"    {_quoted(f'queue {queue}')} [shape=folder, fillcolor=khaki];"
        yield f"    {_quoted(location)} -> {_quoted(f'queue {queue}')};"
    for name, (queues, slots) in found.items():
        yield f"    {_quoted(name)} [shape=box, fillcolor=palegreen];"
        for source in [f"queue {queue}" for queue in queues] or [location]:
            yield f"    {_quoted(source)} -> {_quoted(name)};"
        for slot in slots:
            yield f"    {_quoted(f'{name} {slot}')} [shape=oval, label={_quoted(slot)}];"
            yield f"    {_quoted(name)} -> {_quoted(f'{name} {slot}')} [arrowhead=none];"
    yield "}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
