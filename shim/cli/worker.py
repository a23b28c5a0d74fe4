"""``bullrush worker``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from bullrush.core.errors import InvalidOption
from bullrush.core.health import assert_queue_is_ready
from bullrush.core.worker import Worker
from bullrush.core.worker.job_log import log_jobs
from bullrush.core.worker.share import QueueShare, parse_shares

from ..app import Celery
from ..app.importing import names_in
from ..app.log import LogSettings
from ..beat import EmbeddedService
from ..platforms import check_privileges
from ..utils.nodenames import node_format
from ..version import release
from ..worker import make_node, node_name
from .anew import Anew, start_anew
from .commands import NO_COLOR, Command
from .daemon import NAMES as DAEMON
from .daemon import prepared
from .probing import NAMES as PROBING
from .probing import watched
from .processes import supervise
from .reload import own_command, project_folders, run_with_reload
from .worker_options import TOLD, WITHOUT_EFFECT, worker_options

logger = logging.getLogger("celery.worker")

#: Under this name the context keeps what ``-A`` said.
SOURCE = "bullrush.source"
_CLOCK = ("beat", "schedule", "scheduler")


@click.command(cls=Command)
@worker_options
@click.pass_context
def worker(
    context: click.Context, /, settings: tuple[str, ...], reload: bool, **options: Any
) -> None:
    """Run tasks until SIGTERM or SIGINT; then running tasks end first. A second SIGINT, or SIGQUIT,
    hands them back at once. SIGHUP has it start anew, SIGUSR1 say where its threads are.

    Words such as worker_soft_shutdown_timeout=10 at the end are settings.
    """
    app: Celery = context.obj
    app.config_from_cmdline(settings)
    more = options.pop("include")
    if more:
        app.conf.include = (*names_in(app.conf.include), *more)
    if reload:
        app.loader.import_default_modules()
        sys.exit(run_with_reload(own_command(), project_folders()))
    background = {name: options.pop(name) for name in DAEMON}
    name = node_name(options["hostname"])
    processes = options.pop("processes")
    if options["heartbeat_file"]:
        options["heartbeat_file"] = node_format(options["heartbeat_file"], name)
    if background["pidfile"]:
        background["pidfile"] = node_format(background["pidfile"], name)
    anew = Anew()
    with prepared(**background):
        if processes is not None:
            sys.exit(supervise(processes, name))
        code = _serve(context, app, options, anew)
    if anew.asked:
        start_anew()
    sys.exit(code)


def _serve(context: click.Context, app: Celery, options: dict[str, Any], anew: Anew) -> int:
    """Run it; the exit code."""
    colorize = False if context.meta.get(NO_COLOR) else None
    log, style = _log(options, colorize), options.pop("log_style")
    clock = {name: options.pop(name) for name in _CLOCK}
    asked = {name: options.pop(name) for name in WITHOUT_EFFECT}
    _refuse_memory(app, options.pop("allow_inmemory"))
    _apply_log_dates(app, options.pop("log_date_format"))
    check_privileges(app.conf.accept_content)
    watching = {name: options.pop(name) for name in PROBING}
    if options.pop("require_ready"):
        assert_queue_is_ready(app.driver)
    shares = _queues(app, options)
    node = make_node(app, shares, source=context.meta.get(SOURCE), log=log, **_chosen(app, options))
    made = node.worker
    assert made is not None
    if style is not None:
        log_jobs(made, style=style)
    for name in TOLD:
        if asked[name] not in (None, False):
            option = name.replace("_", "-")
            logger.warning("--%s has no effect: %s", option, WITHOUT_EFFECT[name])
    made.on("signalled", tell_stop)
    greet(app, made)
    with beating(app, clock), watched(made, watching), anew.heeded_by(made):
        made.run()
    return node.exitcode


def _log(options: dict[str, Any], colorize: bool | None) -> LogSettings:
    level, file = options.pop("loglevel").upper(), options.pop("logfile")
    return LogSettings(level, file, colorize, format=options.pop("log_format"))


def _refuse_memory(app: Celery, allowed: bool) -> None:
    """Queues in memory are those of one process, and nobody else can add a job to them."""
    if app.driver.volatile and not allowed:
        raise InvalidOption(
            f"the queues are in the memory of this process ({app.driver.location}), where nobody "
            "else reaches them: unset QUEUE_DRIVER or name a Redis; for a test, --allow-inmemory"
        )


def _apply_log_dates(app: Celery, how: str | None) -> None:
    if how is not None:
        app.conf.worker_log_datefmt = app.conf.worker_task_log_datefmt = how


def _queues(app: Celery, options: dict[str, Any]) -> list[QueueShare]:
    """What it serves; with --purge, emptied first."""
    shares = parse_shares(options.pop("queues"))
    excluded = options.pop("exclude_queues")
    if excluded:
        app.amqp.queues.deselect(excluded)
        shares = [share for share in shares if share.name not in excluded]
    if options.pop("purge"):
        names = [share.name for share in shares] or list(app.consumed_queues())
        gone = sum(app.queue(name).drain(delayed=True) for name in names)
        click.echo(f"purge: Erased {gone} messages from the queues.\n", file=sys.__stdout__)
    return shares


def _chosen(app: Celery, options: dict[str, Any]) -> dict[str, Any]:
    """What was said, as `make_worker` takes it."""
    if options.pop("task_events"):
        app.conf.worker_send_task_events = True
    size = options.pop("max_memory")
    if size is not None:
        options["max_memory_per_child"] = size
    given = {name: value for name, value in options.items() if value is not None}
    given.setdefault("pool", app.conf.worker_pool or _default_pool(app))
    if given.get("concurrency") == "auto":
        del given["concurrency"]
    if given["pool"] != "prefork" and "start_method" in given:
        raise InvalidOption(f"--start-method is of -P prefork, not of {given['pool']}")
    if "autoscale" in given:
        given.setdefault("concurrency", given["autoscale"].least)
    return given


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


def tell_stop(name: str, at_once: bool) -> None:
    """What a person wants to see when a signal came."""
    how = "Cold" if at_once else "Warm"
    click.echo(f"\nworker: {how} shutdown (MainProcess)", file=sys.__stderr__)


def greet(app: Celery, made: Worker) -> None:
    """What a person wants to see at the start. Standard output may be redirected to the log."""

    def say(text: str) -> None:
        click.echo(text, file=sys.__stdout__)

    say(f"bullrush {release()} on {app.driver.location}")
    say(f"[node]   {made.settings.name}")
    say(f"[pool]   {made.settings.pool}, {made.concurrency} at once")
    say(f"[queues] {', '.join(queue.name for queue in made.queues) or 'none yet'}")
    say("[tasks]")
    all_of_them = logger.isEnabledFor(logging.DEBUG)
    for name in sorted(app.tasks):
        if name.startswith("celery.") and not all_of_them:
            continue
        say(f"  . {name}")
    say("")


def _default_pool(app: Celery) -> str:
    """Processes, but for data that only this process has."""
    return "threads" if app.driver.volatile else "prefork"
