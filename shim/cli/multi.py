"""``bullrush multi``: several workers on one machine, as init scripts start them."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from ..utils.nodenames import node_format
from .commands import HELP, Command
from .daemon import read_pid, start_in_background
from .nodes import Node, nodes_of

USAGE = """\
usage: multi start <node1 node2 nodeN|range> [worker options]
       multi stop <n1 n2 nN|range> [-SIG (default: -TERM)]
       multi stopwait <n1 n2 nN|range> [-SIG]
       multi restart <n1 n2 nN|range> [-SIG] [worker options]
       multi kill <n1 n2 nN|range>
       multi scale <number> [worker options]
       multi logs <n1 n2 nN|range> [worker options]

       multi show <n1 n2 nN|range> [worker options]
       multi get <node> <n1 n2 nN|range> [worker options]
       multi names <n1 n2 nN|range>
       multi expand <template> <n1 n2 nN|range>
       multi help

A number stands for so many nodes: 3 is celery1 celery2 celery3. An option of some nodes alone has
their names or numbers behind a colon: -c:1-2 8 -Q:mailer mail. --pidfile and --logfile know %n
and %h.
"""
#: Of each log, what `logs` prints.
_LAST_LINES = 20
#: `scale` looks so far above for workers that are too many.
_MOST_ABOVE = 256
#: s between two looks whether a worker has ended.
LOOK = 0.1


@click.command(
    cls=Command,
    context_settings={**HELP, "ignore_unknown_options": True, "allow_interspersed_args": False},
    add_help_option=False,
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def multi(context: click.Context, words: tuple[str, ...]) -> None:
    """Start, stop and restart several workers: see bullrush multi help."""
    action = words[0] if words else "help"
    run = ACTIONS.get(action)
    if action in ("help", "-h", "--help") or run is None:
        click.echo(USAGE)
        sys.exit(0 if run is None and action in ("help", "-h", "--help") else 1)
    sys.exit(run(list(words[1:]), _global_options()))


def _global_options() -> list[str]:
    """What stood before the word ``multi``; each worker gets it."""
    given = sys.argv[1:]
    return given[: given.index("multi")] if "multi" in given else []


def start(words: list[str], before: list[str]) -> int:
    """Start workers; the number of those that run already is the exit code."""
    failed = 0
    click.echo("> Starting nodes...")
    for node in nodes_of(words).nodes:
        if read_pid(node.pidfile) is not None:
            click.echo(f"\t> {node.name}: ALREADY RUNNING")
            failed += 1
            continue
        Path(node.pidfile).parent.mkdir(parents=True, exist_ok=True)
        Path(node.logfile).parent.mkdir(parents=True, exist_ok=True)
        start_in_background(node.command(before))
        click.echo(f"\t> {node.name}: OK")
    return failed


def stop(words: list[str], before: list[str]) -> int:
    """Send a signal and wait for nobody."""
    given = nodes_of(words)
    _signal(given.nodes, given.signal)
    return 0


def stopwait(words: list[str], before: list[str]) -> int:
    """Send a signal, and wait until all have ended."""
    given = nodes_of(words)
    _wait(_signal(given.nodes, given.signal))
    return 0


def restart(words: list[str], before: list[str]) -> int:
    """Stop workers, and start each when it has ended."""
    given = nodes_of(words)
    _wait(_signal(given.nodes, given.signal))
    return start(words, before)


def kill(words: list[str], before: list[str]) -> int:
    """End workers at once; their tasks run elsewhere."""
    _signal(nodes_of(words).nodes, signal.SIGKILL)
    return 0


def scale(words: list[str], before: list[str]) -> int:
    """Have so many workers, celery1 to celeryN: start those that are missing, and stop those above
    when their tasks have ended.
    """
    if not words or not words[0].isdigit():
        click.echo("multi scale <number> [worker options]", err=True)
        return 1
    count, rest = int(words[0]), words[1:]
    wanted = nodes_of([str(count), *rest]).nodes if count else []
    above = nodes_of([f"{count + 1}-{count + _MOST_ABOVE}", *rest]).nodes
    surplus = [node for node in above if read_pid(node.pidfile) is not None]
    missing = [node.short for node in wanted if read_pid(node.pidfile) is None]
    failed = start([*missing, *rest], before) if missing else 0
    if surplus:
        _wait(_signal(surplus, signal.SIGTERM))
    return failed


def logs(words: list[str], before: list[str]) -> int:
    """The last lines of the log of each worker, with its name before them."""
    for node in nodes_of(words).nodes:
        file = Path(node.logfile)
        if not file.exists():
            click.echo(f"{node.short}: no log in {file}", err=True)
            continue
        with file.open(encoding="utf-8", errors="replace") as lines:
            for line in deque(lines, _LAST_LINES):
                click.echo(f"{node.short}: {line.rstrip()}")
    return 0


def show(words: list[str], before: list[str]) -> int:
    """The commands that `start` would carry out."""
    for node in nodes_of(words).nodes:
        click.echo(" ".join([sys.executable, "-m", "bullrush", *node.command(before)]))
    return 0


def names(words: list[str], before: list[str]) -> int:
    """The names of the nodes."""
    for node in nodes_of(words).nodes:
        click.echo(node.name)
    return 0


def get(words: list[str], before: list[str]) -> int:
    """The command of one node."""
    wanted = words[0] if words else ""
    for node in nodes_of(words[1:]).nodes:
        if wanted in (node.name, node.short):
            click.echo(" ".join(node.command(before)))
            return 0
    return 1


def expand(words: list[str], before: list[str]) -> int:
    """A template for each node."""
    for node in nodes_of(words[1:]).nodes:
        click.echo(node_format(words[0], node.name))
    return 0


ACTIONS: dict[str, Callable[[list[str], list[str]], int]] = {
    "start": start,
    "stop": stop,
    "stopwait": stopwait,
    "stop_verify": stopwait,
    "restart": restart,
    "kill": kill,
    "scale": scale,
    "logs": logs,
    "show": show,
    "get": get,
    "names": names,
    "expand": expand,
}


def _signal(nodes: Sequence[Node], number: int) -> list[tuple[str, int]]:
    """Send it; (name, process id) of those that run."""
    running = []
    click.echo("> Stopping nodes...")
    for node in nodes:
        pid = read_pid(node.pidfile)
        if pid is None:
            click.echo(f"\t> {node.name}: DOWN")
            continue
        os.kill(pid, number)
        click.echo(f"\t> {node.name}: {signal.Signals(number).name} -> {pid}")
        running.append((node.name, pid))
    return running


def _wait(running: list[tuple[str, int]]) -> None:
    for name, pid in running:
        while _runs(pid):
            time.sleep(LOOK)
        click.echo(f"\t> {name}: stopped")


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
