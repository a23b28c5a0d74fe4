"""A beat as a program: what `app.Beat` makes."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .. import beat
from .._state import find_current
from ..beat import PersistentScheduler
from ..version import release

logger = logging.getLogger("celery.beat")


class Beat:
    """A beat with its banner, its pid file and its signals.

    Args:
        max_interval: s between two looks at the schedule, at most.
        app: the application.
        pidfile: where to write the number of this process.
        schedule: see ``beat_schedule_filename``.
        scheduler, scheduler_cls: a class or its path; else ``beat_scheduler``.
        quiet: no banner.
        hostname: its name.
        loglevel, logfile, **kwargs: as the command line has set up the log already, without effect.
    """

    Service: type[beat.Service] = beat.Service

    def __init__(
        self,
        max_interval: float | None = None,
        app: Any = None,
        pidfile: str | None = None,
        loglevel: Any = "WARN",
        logfile: str | None = None,
        schedule: str | None = None,
        scheduler: Any = None,
        scheduler_cls: Any = None,
        quiet: bool = False,
        hostname: str | None = None,
        **kwargs: Any,
    ) -> None:
        app = app or find_current()
        self.app, self.max_interval, self.pidfile = app, max_interval, pidfile
        self.loglevel, self.logfile, self.quiet, self.hostname = loglevel, logfile, quiet, hostname
        self.schedule = schedule or app.conf.beat_schedule_filename
        self.scheduler_cls = scheduler or scheduler_cls or app.conf.beat_scheduler

    def run(self) -> None:
        """Run until SIGTERM or SIGINT.

        Raises:
            FileExistsError: the pid file names a process that is there.
        """
        service = self._service()
        if not self.quiet:
            print(self.banner(service), flush=True)
        with _pid_in(self.pidfile), _ended_by_signals(service):
            service.start()

    def write(self) -> list[str]:
        """Write the schedule into Redis and be done with it.

        Returns:
            The names of entries that need a running beat.
        """
        scheduler = self._service().scheduler
        if not isinstance(scheduler, PersistentScheduler):
            return sorted(scheduler.schedule)
        return scheduler.write_only()

    def banner(self, service: beat.Service) -> str:
        """What a person wants to see at the start."""
        lines = [
            f"bullrush beat {release()} is starting.",
            f"[redis]     {self.app.driver.location}",
        ]
        lines.append(f"[scheduler] {self.scheduler_cls}")
        return "\n".join(lines)

    def _service(self) -> beat.Service:
        self.app.loader.init_worker()
        self.app.finalize()
        return self.Service(
            self.app,
            max_interval=self.max_interval,
            schedule_filename=self.schedule,
            scheduler_cls=self.scheduler_cls,
            hostname=self.hostname,
        )


@contextmanager
def _ended_by_signals(service: beat.Service) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, lambda *_: service.stop())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _pid_in(path: str | None) -> Iterator[None]:
    """A pid file while this process runs; one of a process that is gone is replaced."""
    if not path:
        yield
        return
    running = _running_pid(path)
    if running is not None:
        raise FileExistsError(f"{path}: a beat with the pid {running} runs already")
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    try:
        yield
    finally:
        os.unlink(path)


def _running_pid(path: str) -> int | None:
    try:
        with open(path, encoding="ascii") as file:
            pid = int(file.read())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return None
    return pid if pid != os.getpid() else None
