"""``bullrush timers``: delayed jobs become due while no worker is up."""

from __future__ import annotations

import logging
import re
import signal
import threading
from collections.abc import Sequence

import click

from bullrush.core.clock import now_ms
from bullrush.core.errors import ConnectionFailed, ServerError
from bullrush.core.views import list_queues

from ..app import Celery
from .commands import NAMES, Command
from .probe import answering, probe_options
from .worker_options import LEVELS

logger = logging.getLogger("bullrush.timers")
#: s between two looks which queues there are.
_REFRESH = 30.0
_HOUR = 3_600_000
_AGE = re.compile(r"^(\d+)([smhd])$")
_UNITS = {"s": 1000, "m": 60_000, "h": _HOUR, "d": 24 * _HOUR}


def check_age(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """``24h``: ms."""
    if value is None:
        return None
    match = _AGE.match(value)
    if match is None:
        raise click.BadParameter(f"{value!r} is no age such as 24h, 7d or 30m")
    return int(match[1]) * _UNITS[match[2]]


@click.command(cls=Command)
@click.option("-Q", "--queues", **NAMES, help="Only these queues; all there are.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Seconds between two looks.",
)
@click.option(
    "--clean-after",
    callback=check_age,
    metavar="AGE",
    help="Once an hour take away jobs that ended so long ago: 24h, 7d, 30m.",
)
@click.option("-l", "--loglevel", default="INFO", type=click.Choice(LEVELS, case_sensitive=False))
@probe_options
@click.pass_obj
def timers(
    app: Celery,
    queues: list[str] | None,
    interval: float,
    clean_after: int | None,
    loglevel: str,
    health_port: int | None,
) -> None:
    """Let delayed jobs wait for a worker as soon as they are due, until SIGTERM or SIGINT.

    Workers do that themselves; this is for the time when none is up, so that depths and ages are
    true and a scaler sees what is due. Several may run.
    """
    app.log.setup(loglevel.upper())
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: stopped.set())
    with answering(app, "timers", health_port):
        dispatcher = Dispatcher(app, queues, clean_after)
        logger.info("timers: Starting...")
        while not stopped.is_set():
            dispatcher.turn()
            stopped.wait(interval)
    logger.info("timers: Shutting down...")


class Dispatcher:
    """Promotes what is due, and takes away what is old.

    Args:
        app: the application.
        queues: names; None for all there are, looked for again now and then.
        clean_after: ms; completed and failed jobs that ended so long ago go, once an hour.
    """

    def __init__(
        self, app: Celery, queues: Sequence[str] | None, clean_after: int | None = None
    ) -> None:
        self._app, self._given, self._clean_after = app, queues, clean_after
        self._cleaned: int | None = None
        self._names: Sequence[str] = queues or ()
        self._looked: int | None = None

    def turn(self) -> int:
        """One look; how many jobs became due. Errors are told and waited out; what is wrong with
        one queue does not hold up the others.
        """
        due = 0
        try:
            cleans = self._cleans()
            for name in self._known():
                due += self._serve(name, cleans)
        except ConnectionFailed as error:
            logger.error("timers: %s", error)
        return due

    def _serve(self, name: str, cleans: bool) -> int:
        try:
            due = self._promote(name)
            if cleans:
                self._clean(name)
            return due
        except ServerError as error:
            logger.error("timers: %s: %s", name, error)
            return 0

    def _cleans(self) -> bool:
        now = now_ms()
        late = self._cleaned is None or now - self._cleaned >= _HOUR
        if self._clean_after is None or not late:
            return False
        self._cleaned = now
        return True

    def _clean(self, name: str) -> None:
        queue, grace = self._app.queue(name), self._clean_after or 0
        gone = sum(len(queue.clean(grace, type=state)) for state in ("completed", "failed"))
        if gone:
            logger.info("timers: %d old jobs of %s are gone", gone, name)

    def _promote(self, name: str) -> int:
        promoted = self._app.queue(name).promote_jobs(before=now_ms())
        if promoted:
            logger.info("timers: %d due in %s", promoted, name)
        return promoted

    def _known(self) -> Sequence[str]:
        now = now_ms()
        if self._given is None and (self._looked is None or now - self._looked > _REFRESH * 1000):
            self._names = list_queues(self._app.driver, self._app.prefix)
            self._looked = now
        return self._names
