"""Celery's command line, name by name, for the page of what works: looked up in the commands
themselves.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from ..compatibility import Row, accepted, refused, works
from ..worker.control import Panel
from .amqp import ELSEWHERE
from .main import cli
from .worker_options import OTHER_POOLS, WITHOUT_EFFECT

_COMMANDS = "tests/shim/test_commands.py"
_CLOCK = "tests/shim/beat/test_command.py"
_DRAWN = "tests/shim/cli/test_graph_and_amqp.py"
_CONTROLLED = "tests/shim/test_control.py"
_IN_POOLS = "tests/shim/test_control_pools.py"
_DAEMON = ("--logfile", "--pidfile", "--uid", "--gid", "--umask", "--executable")
_ASKING = ("--timeout", "--destination", "--json")

#: Celery's commands with their options; "" for those before the command.
OPTIONS: dict[str, tuple[str, ...]] = {
    "": (
        *("--app", "--broker", "--result-backend", "--loader", "--config", "--workdir"),
        *("--no-color", "--quiet", "--version", "--skip-checks"),
    ),
    "worker": (
        *("--hostname", "--detach", "--statedb", "--loglevel", "--optimization"),
        *("--prefetch-multiplier", "--disable-prefetch", "--concurrency", "--pool"),
        *("--task-events", "--time-limit", "--soft-time-limit", "--max-tasks-per-child"),
        *("--pool-start-method", "--max-memory-per-child", "--purge", "--queues"),
        *("--exclude-queues", "--include", "--without-gossip", "--without-mingle"),
        *("--without-heartbeat", "--heartbeat-interval", "--autoscale", "--beat"),
        *("--schedule", "--scheduler", *_DAEMON),
    ),
    "beat": (
        *("--detach", "--schedule", "--scheduler", "--max-interval"),
        *("--enable-remote-control", "--hostname", "--loglevel", *_DAEMON),
    ),
    "events": (
        *("--dump", "--camera", "--detach", "--frequency", "--maxrate", "--loglevel", *_DAEMON),
    ),
    "status": _ASKING,
    "inspect": ("--list", *_ASKING),
    "control": ("--list", *_ASKING),
    "purge": ("--force", "--queues", "--exclude-queues"),
    "call": (
        *("--args", "--kwargs", "--eta", "--countdown", "--expires", "--serializer"),
        *("--queue", "--exchange", "--routing-key"),
    ),
    "result": ("--task", "--traceback"),
    "list bindings": (),
    "report": (),
    "shell": ("--ipython", "--bpython", "--python", "--without-tasks", "--eventlet", "--gevent"),
    "multi": (),
    "migrate": ("--limit", "--timeout", "--ack-messages", "--tasks", "--queues", "--forever"),
    "upgrade settings": ("--django", "--compat", "--no-backup"),
    "graph workers": (),
    "graph bootsteps": (),
    "logtool": (),
    "amqp queue.declare": (),
    "amqp queue.purge": (),
    **{f"amqp {name}": () for name in ELSEWHERE},
}
#: Of what can be given and does little, or is refused: what is said of it.
_NOTES = {
    "worker --pool": f"refused: {', '.join(sorted(OTHER_POOLS.keys() - {'processes'}))}",
    "worker --statedb": WITHOUT_EFFECT["statedb"],
    "worker --prefetch-multiplier": WITHOUT_EFFECT["prefetch_multiplier"],
    "worker --disable-prefetch": WITHOUT_EFFECT["disable_prefetch"],
    "worker --optimization": WITHOUT_EFFECT["optimization"],
    "worker --without-gossip": WITHOUT_EFFECT["without_gossip"],
    "worker --without-mingle": WITHOUT_EFFECT["without_mingle"],
    "beat --enable-remote-control": "beat answers no commands",
    "beat --hostname": "beat answers no commands",
    "shell --eventlet": "there is no such pool; tasks of asyncio or threads need no other shell",
    "shell --gevent": "there is no such pool; tasks of asyncio or threads need no other shell",
    "graph bootsteps": "workers have no bootsteps here",
    **{f"amqp {name}": note for name, note in ELSEWHERE.items()},
}
_REFUSED = {
    "graph bootsteps",
    "shell --eventlet",
    "shell --gevent",
    *(f"amqp {name}" for name in ELSEWHERE),
}
_ACCEPTED = _NOTES.keys() - _REFUSED - {"worker --pool"}
_PROOFS = {"beat": _CLOCK, "graph": _DRAWN, "amqp": _DRAWN}


def find_command(name: str) -> click.Command | None:
    """A command of ours by its words."""
    found: click.Command | None = cli
    context = click.Context(cli)
    for word in name.split():
        if not isinstance(found, click.Group):
            return None
        found = found.get_command(context, word)
    return found


def options_of(command: click.Command) -> set[str]:
    """The options that a command takes, as they are written."""
    return {each for one in command.params for each in (*one.opts, *one.secondary_opts)}


def _rows() -> Iterator[Row]:
    for name, options in OPTIONS.items():
        command = find_command(name)
        if name:
            yield _row(name, command is not None, name)
        known = options_of(command) if command is not None else set()
        for option in options:
            full = f"{name} {option}".strip()
            yield _row(full, option in known or option == "--version", name)


def _row(full: str, known: bool, command: str) -> Row:
    note = _NOTES.get(full, "")
    if full in _REFUSED or not known:
        return refused(full, note or "says what to use instead")
    if full in _ACCEPTED:
        return accepted(full, note)
    return works(full, _PROOFS.get(command.partition(" ")[0], _COMMANDS), note)


def _control_rows() -> Iterator[Row]:
    for name, each in sorted(Panel.meta.items(), key=lambda item: (item[1].type, item[0])):
        if name in _CONTROL_REFUSED:
            yield refused(name, _CONTROL_REFUSED[name])
        elif each.visible and Panel.data[name].__module__.startswith(_OWN):
            notes = [each.type, f"also {each.alias}" if each.alias else "", _REMARKS.get(name, "")]
            proof = _IN_POOLS if name in _REMARKS else _CONTROLLED
            yield works(name, proof, "; ".join(filter(None, notes)))


#: Where the commands are that belong to Celery's surface, not to a project.
_OWN = "bullrush."
_CONTROL_REFUSED = {
    "election": "workers do not vote; use a deduplication id, or a lock",
    "objgraph": "use a profiler of memory in the process",
}
_REMARKS = {
    "terminate": "prefork: the signal; threads, asyncio: an error in the task; solo: not possible",
    "pool_restart": "new child processes; code is not reloaded",
    "autoscale": "of a worker that was started with --autoscale",
}
COMMAND_LINE = tuple(_rows())
CONTROL = tuple(_control_rows())
