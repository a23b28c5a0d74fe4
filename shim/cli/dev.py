"""``bullrush dev``: everything that a project needs while it is written, in one command."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from bullrush.core.drivers import embedded_url, redacted
from bullrush.core.drivers.server_binary import ServerProcess, find_server

from ..app import Celery
from .commands import Command
from .worker import SOURCE
from .worker_options import LEVELS

REDIS_PORT = 6379
_LOOK = 0.2
#: Variables by which the processes that are started find the server.
_VARIABLES = ("CELERY_BROKER_URL", "BULLRUSH_REDIS_URL")


@click.command(cls=Command)
@click.option("-Q", "--queues", help="As of bullrush worker.")
@click.option("-c", "--concurrency", default="4", show_default=True)
@click.option("-P", "--pool", default="threads", show_default=True)
@click.option("-l", "--loglevel", default="INFO", type=click.Choice(LEVELS, case_sensitive=False))
@click.option("--port", type=int, default=5555, show_default=True, help="Of the dashboard.")
@click.option(
    "--redis-port", type=int, help="Of the server; 6379 if that is free, else any. 0: any."
)
@click.option(
    "--persist",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder in which the jobs outlive this command.",
)
@click.option("--own-redis/--no-own-redis", default=True, help="Start one, or use the project's.")
@click.option("--reload/--no-reload", default=True, help="Start anew when a file changes.")
@click.option("--dashboard/--no-dashboard", default=True)
@click.pass_context
def dev(context: click.Context, /, own_redis: bool, **options: Any) -> None:
    """Run a Redis, a worker with a beat, and the dashboard, until Ctrl-C. For development alone."""
    app: Celery = context.obj
    source = context.meta.get(SOURCE)
    before = ["-A", source] if source else []
    with contextlib.ExitStack() as stack:
        if own_redis:
            url = stack.enter_context(_server(options["redis_port"], options["persist"]))
            os.environ.update(dict.fromkeys(_VARIABLES, url))
            kept = f"kept in {options['persist']}" if options["persist"] else "gone at the end"
            click.echo(f"[redis]     {url}, jobs are {kept}")
        else:
            url = app.broker_location()
            click.echo(f"[redis]     {redacted(url)}")
        commands = [[*before, *_worker_words(options)]]
        click.echo("[worker]    with a beat" + (", reloads" if _reloads(options) else ""))
        if options["dashboard"] and _has_dashboard():
            # Open to everybody on this machine, and to nobody else.
            where = ["--host", "127.0.0.1", "--port", str(options["port"])]
            commands.append([*before, "serve", *where, "--prefix", app.prefix])
            click.echo(f"[dashboard] http://127.0.0.1:{options['port']}/admin/queues")
            os.environ.setdefault("BULLRUSH_UI_INSECURE", "1")
        elif options["dashboard"]:
            click.echo('[dashboard] not installed: pip install "bullrush[flask,serve]"')
        sys.exit(_run(commands))


def _worker_words(options: dict[str, Any]) -> list[str]:
    words = ["worker", "-B", "-P", options["pool"], "-c", options["concurrency"]]
    words += ["-l", options["loglevel"]]
    words += ["-Q", options["queues"]] if options["queues"] else []
    return [*words, "--reload"] if _reloads(options) else words


def _reloads(options: dict[str, Any]) -> bool:
    return bool(options["reload"]) and importlib.util.find_spec("watchfiles") is not None


def _has_dashboard() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in ("flask", "waitress"))


@contextlib.contextmanager
def _server(port: int | None, persist: Path | None) -> Iterator[str]:
    """A server of this command; fakeredis where no real one is installed."""
    if find_server() is None:
        yield embedded_url()
        return
    if persist is not None:
        persist.mkdir(parents=True, exist_ok=True)
        persist = persist.resolve()
    chosen = (REDIS_PORT if _is_free(REDIS_PORT) else 0) if port is None else port
    with ServerProcess(port=chosen, keep_in=persist) as server:
        yield server.url


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _run(commands: list[list[str]]) -> int:
    """Run them until a signal comes or one ends; the worst exit code."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: stopped.set())
    running = [
        subprocess.Popen([sys.executable, "-m", "bullrush", *words], start_new_session=True)
        for words in commands
    ]
    while not stopped.wait(_LOOK) and all(each.poll() is None for each in running):
        pass
    for each in running:
        if each.poll() is None:
            each.terminate()
    return max(abs(each.wait()) for each in running)
