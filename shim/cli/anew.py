"""Signals to a worker that runs, but for those that stop it: SIGHUP has it start anew, SIGUSR1 say
where its threads are.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click

from bullrush.core.worker import Worker

logger = logging.getLogger("celery.worker")


class Anew:
    """Whether a worker shall start anew when it has stopped."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def heeded_by(self, worker: Worker) -> Iterator[None]:
        """While the body runs, SIGHUP ends the worker warmly for a start anew, and SIGUSR1 writes
        the stacks of all threads to standard error. At a terminal SIGHUP tells of its end, and ends
        the process.
        """
        if threading.current_thread() is not threading.main_thread() or os.name == "nt":
            yield
            return
        if os.environ.get("CELERY_RDBSIG"):
            logger.warning("CELERY_RDBSIG has no effect: there is no remote debugger; see py-spy")

        def restart(*_: object) -> None:
            self.asked = True
            logger.info("stopping: SIGHUP, to start anew when running jobs have ended")
            worker.request_stop()

        worker.on("signalled", lambda *_: setattr(self, "asked", False))
        before = None if at_a_terminal() else signal.signal(signal.SIGHUP, restart)
        faulthandler.register(signal.SIGUSR1, file=sys.__stderr__ or 2, all_threads=True)
        try:
            yield
        finally:
            faulthandler.unregister(signal.SIGUSR1)
            if before is not None:
                signal.signal(signal.SIGHUP, before)


def start_anew() -> None:
    """Be this command once more, in this process. Does not return."""
    words = ["-m", "bullrush", *sys.argv[1:]]
    click.echo(f"Restarting the worker (bullrush {' '.join(sys.argv[1:])})", file=sys.__stderr__)
    logging.shutdown()
    for stream in filter(None, (sys.__stdout__, sys.__stderr__)):
        stream.flush()
    os.execv(sys.executable, [sys.executable, *words])


def at_a_terminal() -> bool:
    """Whether SIGHUP tells of the end of a terminal."""
    return sys.__stdin__ is not None and not sys.__stdin__.closed and sys.__stdin__.isatty()
