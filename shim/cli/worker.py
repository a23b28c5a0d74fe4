"""``bullrush worker``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from bullrush import __version__
from bullrush.core.errors import InvalidOption
from bullrush.core.pools import POOLS
from bullrush.core.pools.prefork import START_METHODS
from bullrush.core.worker.autoscale import Autoscale
from bullrush.core.worker.share import parse_shares

from ..app import Celery
from ..app.log import LogSettings
from ..beat import EmbeddedService
from ..worker import make_worker
from .reload import own_command, project_folders, run_with_reload

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "FATAL")
#: Under this name the context keeps whether colours were refused.
NO_COLOR = "bullrush.no_color"
#: Under this name the context keeps what ``-A`` said.
SOURCE = "bullrush.source"

#: Celery's names of pools that are called otherwise here, or are not there.
OTHER_POOLS = {
    "processes": "prefork",
    "gevent": "asyncio (coroutines) or threads (blocking code)",
    "eventlet": "asyncio (coroutines) or threads (blocking code)",
    "custom": "prefork, threads, asyncio or solo",
}


def check_pool(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The pool, with a word on Celery's others."""
    if value == "processes":
        return "prefork"
    if value in OTHER_POOLS:
        raise click.BadParameter(f"{value} is not here; use {OTHER_POOLS[value]}")
    if value is not None and value not in POOLS:
        raise click.BadParameter(f"{value!r} is none of {', '.join(POOLS)}")
    return value


def check_autoscale(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> Autoscale | None:
    """``10,3``: at most, at least."""
    if value is None:
        return None
    most, _, least = value.partition(",")
    if not (most.isdigit() and (least or "1").isdigit()):
        raise click.BadParameter(f"{value!r} is not of the form MAX,MIN, such as 10,3")
    try:
        return Autoscale(int(most), int(least or 1))
    except InvalidOption as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.option(
    "-Q",
    "--queues",
    default="",
    help="Names of queues, separated by commas; email:5 for at most 5 at once, tenant-* for all of "
    "that form.",
)
@click.option(
    "-c",
    "--concurrency",
    type=click.IntRange(min=1),
    help="How many tasks at once; one for each CPU.",
)
@click.option(
    "-P",
    "--pool",
    callback=check_pool,
    metavar="[" + "|".join(POOLS) + "]",
    help="What runs the tasks; prefork.",
)
@click.option("-n", "--hostname", help="The worker's name; %h is this host.")
@click.option(
    "-l",
    "--loglevel",
    default="WARNING",
    type=click.Choice(LEVELS, case_sensitive=False),
    help="How much to say.",
)
@click.option(
    "-f",
    "--logfile",
    help="Where the log goes; %n, %h and %p are parts of the worker's name, %i the number of the "
    "child, %I the same after a dash. Standard error by default.",
)
@click.option(
    "--soft-time-limit",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds until SoftTimeLimitExceeded is raised in a task.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds until a task is killed; prefork.",
)
@click.option(
    "--max-tasks-per-child",
    type=click.IntRange(min=1),
    help="Replace a child after that many tasks; prefork.",
)
@click.option(
    "--max-memory-per-child",
    type=click.IntRange(min=1),
    help="Replace a child that holds more KiB; prefork.",
)
@click.option(
    "--start-method",
    type=click.Choice(START_METHODS),
    default="forkserver",
    help="How children are made; prefork.",
)
@click.option(
    "--coroutines",
    type=click.IntRange(min=0),
    help="How many async tasks run beside the others, for each child of prefork; 100.",
)
@click.option(
    "--autoscale",
    callback=check_autoscale,
    metavar="MAX,MIN",
    help="More slots while tasks wait, fewer when idle.",
)
@click.option(
    "--drain-timeout",
    type=click.FloatRange(min=0),
    help="Seconds that running tasks may take after SIGTERM before they are handed back; as long "
    "as it takes.",
)
@click.option("-B", "--beat", is_flag=True, help="Send tasks by the clock as well.")
@click.option("-s", "--schedule", help="See bullrush beat; with -B.")
@click.option("--scheduler", help="See bullrush beat; with -B.")
@click.option(
    "--reload",
    is_flag=True,
    help="Start anew when a Python file of the project changes; for development.",
)
@click.pass_context
def worker(
    context: click.Context,
    /,
    loglevel: str,
    logfile: str | None,
    queues: str,
    reload: bool,
    **options: Any,
) -> None:
    """Run tasks until SIGTERM or SIGINT; then running tasks end first. A second signal, or SIGQUIT,
    hands them back at once.
    """
    app: Celery = context.obj
    if reload:
        app.loader.import_default_modules()
        sys.exit(run_with_reload(own_command(), project_folders()))
    shares = parse_shares(queues)
    clock = {name: options.pop(name) for name in ("beat", "schedule", "scheduler")}
    given = {name: value for name, value in options.items() if value is not None}
    given.setdefault("pool", app.conf.worker_pool or _default_pool(app))
    if given["pool"] != "prefork":
        given.pop("start_method", None)
    if "autoscale" in given:
        given.setdefault("concurrency", given["autoscale"].least)
    log = LogSettings(loglevel.upper(), logfile, False if context.meta.get(NO_COLOR) else None)
    made = make_worker(app, shares, source=context.meta.get(SOURCE), log=log, **given)
    stopped_by: list[str] = []
    made.on("signalled", lambda name, at_once: stopped_by.append(tell_stop(name, at_once)))
    greet(app, made)
    with beating(app, clock):
        made.run()
    sys.exit(1 if stopped_by[:1] == ["SIGINT"] else 0)


@contextmanager
def beating(app: Celery, clock: Mapping[str, Any]) -> Iterator[None]:
    """A beat in a thread while the worker runs, if it shall have one."""
    if not clock["beat"]:
        if clock["schedule"] or clock["scheduler"]:
            raise InvalidOption("--schedule and --scheduler belong to a beat: add -B")
        yield
        return
    beat = EmbeddedService(
        app, schedule_filename=clock["schedule"], scheduler_cls=clock["scheduler"]
    )
    beat.start()
    try:
        yield
    finally:
        beat.stop()


def tell_stop(name: str, at_once: bool) -> str:
    """What a person wants to see when a signal came."""
    how = "Cold" if at_once else "Warm"
    click.echo(f"\nworker: {how} shutdown (MainProcess)", file=sys.__stderr__)
    return name


def greet(app: Celery, made: Any) -> None:
    """What a person wants to see at the start. Standard output may be redirected to the log."""

    def say(text: str) -> None:
        click.echo(text, file=sys.__stdout__)

    say(f"bullrush {__version__} on {app.driver.location}")
    say(f"[node]   {made.settings.name}")
    say(f"[pool]   {made.settings.pool}, {made.concurrency} at once")
    say(f"[queues] {', '.join(queue.name for queue in made.queues) or 'none yet'}")
    say("[tasks]")
    for name in sorted(app.tasks):
        say(f"  . {name}")
    say("")


def _default_pool(app: Celery) -> str:
    """Processes, but for data that only this process has."""
    return "threads" if app.driver.volatile else "prefork"
