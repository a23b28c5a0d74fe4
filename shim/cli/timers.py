"""``bullrush timers``: delayed jobs become due while no worker is up."""

from __future__ import annotations

import logging
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


@click.command(cls=Command)
@click.option("-Q", "--queues", **NAMES, help="Only these queues; all there are.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Seconds between two looks.",
)
@click.option("-l", "--loglevel", default="INFO", type=click.Choice(LEVELS, case_sensitive=False))
@probe_options
@click.pass_obj
def timers(
    app: Celery, queues: list[str] | None, interval: float, loglevel: str, health_port: int | None
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
        dispatcher = Dispatcher(app, queues)
        logger.info("timers: Starting...")
        while not stopped.is_set():
            dispatcher.turn()
            stopped.wait(interval)
    logger.info("timers: Shutting down...")


class Dispatcher:
    """Promotes what is due.

    Args:
        app: the application.
        queues: names; None for all there are, looked for again now and then.
    """

    def __init__(self, app: Celery, queues: Sequence[str] | None) -> None:
        self._app, self._given = app, queues
        self._names: Sequence[str] = queues or ()
        self._looked: int | None = None

    def turn(self) -> int:
        """One look; how many jobs became due. Errors that pass are told and waited out."""
        try:
            return sum(self._promote(name) for name in self._known())
        except (ConnectionFailed, ServerError) as error:
            logger.error("timers: %s", error)
            return 0

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
