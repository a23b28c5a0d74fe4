"""The options of ``bullrush worker``: Celery's, and some of our own."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from bullrush.core.errors import InvalidOption
from bullrush.core.pools import POOLS
from bullrush.core.worker.autoscale import Autoscale
from bullrush.core.worker.job_log import STYLES

from .commands import NAMES
from .daemon import daemon_options
from .probing import PROBE_OPTIONS

F = TypeVar("F", bound=Callable[..., Any])

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "FATAL")
#: Celery's names of pools that are called otherwise here, or are not there.
OTHER_POOLS = {
    "processes": "prefork",
    "gevent": "asyncio (coroutines) or threads (blocking code)",
    "eventlet": "asyncio (coroutines) or threads (blocking code)",
    "custom": "prefork, threads, asyncio or solo",
}
#: Options that ask for what is always so here, or has no counterpart: why they change nothing.
WITHOUT_EFFECT = {
    "optimization": "every child gets its next task when it is free, which is -O fair",
    "disable_prefetch": "a worker takes what it can start, which is that",
    "prefetch_multiplier": "a worker takes what it can start, and gives back what must wait",
    "without_gossip": "workers do not gossip",
    "without_mingle": "workers need not ask each other at the start",
    "statedb": "revoked ids are kept in Redis",
}
#: Those of them that a word is said about; the others ask for what is done anyway.
TOLD = ("prefetch_multiplier", "statedb")


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


def check_concurrency(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> int | str | None:
    """A number, or ``auto``."""
    if value is None or value == "auto":
        return value
    if not value.isdigit() or int(value) < 1:
        raise click.BadParameter(f"{value!r} is neither a whole number from 1 nor auto")
    return int(value)


_UNITS = {"": 1, "K": 1, "M": 1024, "G": 1024 * 1024}
_SIZE = re.compile(r"^(\d+)([KMG]?)I?B?$")


def check_size(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """``512M``: KiB, as processes are measured. A bare number is KiB as well."""
    if value is None:
        return None
    match = _SIZE.match(value.upper())
    if match is None or not int(match[1]):
        raise click.BadParameter(f"{value!r} is no size such as 512M or 1G")
    return int(match[1]) * _UNITS[match[2]]


_LIMIT = click.FloatRange(min=0, min_open=True)
_COUNT = click.IntRange(min=1)
_option = click.option

_NAMING = (
    _option("-n", "--hostname", help="The worker's name; %h is this host, %n its first part."),
    _option(
        "-l",
        "--loglevel",
        default="WARNING",
        type=click.Choice(LEVELS, case_sensitive=False),
        help="How much to say.",
    ),
    _option(
        "-f",
        "--logfile",
        help="Where the log goes; %n, %h and %p are parts of the worker's name, %i the number of "
        "the child, %I the same after a dash. Standard error by default.",
    ),
)
_LOGGING = (
    _option(
        "--log-format",
        metavar="json|FORMAT",
        help="Each line as JSON with the job it is about, or a format of logging.",
    ),
    _option(
        "--log-style",
        type=click.Choice(tuple(STYLES)),
        help="A line for each job in words: Email job completed.",
    ),
)
_QUEUES = (
    _option(
        "-Q",
        "--queues",
        default="",
        help="Names of queues, separated by commas; email:5 for at most 5 at once, tenant-* for "
        "all of that form.",
    ),
    _option("-X", "--exclude-queues", **NAMES, help="All queues of the settings but these."),
    _option("-I", "--include", **NAMES, help="More modules with tasks."),
    _option("--purge", "--discard", is_flag=True, help="First take away every task that waits."),
    _option("-E", "--task-events", "--events", is_flag=True, help="Tell monitors of each task."),
    _option(
        "--heartbeat-interval",
        type=click.FloatRange(min=0, min_open=True),
        help="Seconds between two heartbeat events; 2 with -E, else 10.",
    ),
    _option("--without-heartbeat", is_flag=True, help="Send no events of the worker itself."),
)
_POOL = (
    _option(
        "-c",
        "--concurrency",
        callback=check_concurrency,
        metavar="N|auto",
        help="How many tasks at once; one for each CPU.",
    ),
    _option(
        "-P",
        "--pool",
        callback=check_pool,
        metavar="[" + "|".join(POOLS) + "]",
        help="What runs the tasks; prefork.",
    ),
    _option(
        "--soft-time-limit",
        type=_LIMIT,
        help="Seconds until SoftTimeLimitExceeded is raised in a task.",
    ),
    _option("--time-limit", type=_LIMIT, help="Seconds until a task is killed; prefork."),
    _option(
        "--max-tasks-per-child",
        type=_COUNT,
        help="Replace a child after that many tasks; prefork.",
    ),
    _option(
        "--max-memory-per-child",
        type=_COUNT,
        help="Replace a child that holds more KiB; prefork.",
    ),
    _option(
        "--start-method",
        "--pool-start-method",
        type=click.Choice(("forkserver", "spawn", "fork")),
        help="How children are made; prefork.",
    ),
    _option(
        "--coroutines",
        type=click.IntRange(min=0),
        help="How many async tasks run beside the others, for each child of prefork; 100.",
    ),
    _option(
        "--autoscale",
        callback=check_autoscale,
        metavar="MAX,MIN",
        help="More slots while tasks wait, fewer when idle.",
    ),
    _option(
        "--drain-timeout",
        type=click.FloatRange(min=0),
        help="Seconds that running tasks may take after SIGTERM before they are handed back; as "
        "long as it takes.",
    ),
)
_BEAT = (
    _option("-B", "--beat", is_flag=True, help="Send tasks by the clock as well."),
    _option("-s", "--schedule", "--schedule-filename", help="See bullrush beat; with -B."),
    _option("--scheduler", help="See bullrush beat; with -B."),
)
_CELERYS = (
    _option("-O", "--optimization", type=click.Choice(("default", "fair")), hidden=True),
    _option("--prefetch-multiplier", type=click.IntRange(min=0), hidden=True),
    _option("--disable-prefetch", is_flag=True, hidden=True),
    _option("--without-gossip", is_flag=True, hidden=True),
    _option("--without-mingle", is_flag=True, hidden=True),
    _option("-S", "--statedb", hidden=True),
)
_OURS = (
    _option(
        "--processes",
        type=_COUNT,
        help="Run so many whole workers on this machine, and start one again that dies.",
    ),
    _option(
        "--max-memory",
        callback=check_size,
        metavar="SIZE",
        help="As --max-memory-per-child, with a unit: 512M, 1G; prefork.",
    ),
    _option(
        "--log-date-format",
        help="How moments look in the log, as strftime has it: '%Y-%m-%d %H:%M:%S'.",
    ),
    _option("--allow-inmemory", is_flag=True, help="Serve queues in this process' memory; tests."),
)
_DEVELOPING = (
    _option(
        "--reload",
        is_flag=True,
        help="Start anew when a Python file of the project changes; for development.",
    ),
)


def worker_options(function: F) -> F:
    """All of them."""
    function = click.argument("settings", nargs=-1, metavar="[SETTING=VALUE]...")(function)
    groups = (_NAMING, _LOGGING, _QUEUES, _POOL, _BEAT, PROBE_OPTIONS, _CELERYS, _OURS)
    for option in reversed(_DEVELOPING):
        function = option(function)
    function = daemon_options(function)
    for group in reversed(groups):
        for option in reversed(group):
            function = option(function)
    return function
