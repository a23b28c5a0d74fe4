"""Workers inside web processes: one in each, from its first request on."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Hashable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

from flask import Flask

from bullrush.core.errors import BullrushError
from bullrush.core.worker import Worker
from bullrush.worker import make_worker

if TYPE_CHECKING:
    from .binding import Binding

logger = logging.getLogger("bullrush.flask_ext")

#: What runs in which process: a factory that is called twice means the same work.
_running: dict[tuple[int, Hashable], Embedded] = {}
_guard = threading.Lock()


class Embedded:
    """The worker of one application in this process.

    Args:
        binding: the application's.
    """

    def __init__(self, binding: Binding) -> None:
        options = dict(binding.settings.embedded or {})
        queues = options.pop("queues", ())
        options.setdefault("pool", "threads")
        options.setdefault("hostname", f"embedded-{os.getpid()}@%h")
        self.worker: Worker = make_worker(binding.celery, queues, **options)
        self._thread = threading.Thread(target=self._start, name="bullrush-embedded", daemon=True)

    def start(self) -> None:
        """Start it, without waiting for Redis: a request must not."""
        self._thread.start()

    def stop(self, grace: float) -> None:
        """End it; what does not end within so many s is handed back."""
        self.worker.request_stop(grace)
        self._thread.join(grace)
        self.worker.stop(grace)

    def _start(self) -> None:
        try:
            self.worker.start()
        except BullrushError as error:
            logger.error("the embedded worker did not start: %s", error)


def arm(app: Flask, binding: Binding) -> None:
    """Start a worker with the first request that a process serves.

    Then the application is complete, and the process is one that serves: neither the parent of a
    reloader nor that of a pre-fork server ever comes here.
    """

    def begin() -> None:
        ensure(binding)

    app.before_request_funcs.setdefault(None, []).insert(0, begin)
    _end_on_sigterm()


def ensure(binding: Binding) -> Worker:
    """The embedded worker of this process, started if it is not there."""
    key = os.getpid(), _work_of(binding)
    found = _running.get(key)
    if found is not None:
        return found.worker
    with _guard:
        if key not in _running:
            _running[key] = Embedded(binding)
            _running[key].start()
        return _running[key].worker


def stop(binding: Binding, grace: float) -> None:
    """Stop the one that this binding has started."""
    with _guard:
        found = _running.get((os.getpid(), _work_of(binding)))
        if found is None or found.worker.driver is not binding.celery.driver:
            return
        del _running[os.getpid(), _work_of(binding)]
    found.stop(grace)


def _work_of(binding: Binding) -> Hashable:
    """What two applications must have in common to need one worker alone."""
    celery = binding.celery
    return celery.main, celery.broker_location(), binding.settings.prefix


def _end_on_sigterm() -> None:
    """Under a server that leaves SIGTERM to the system, such as ``flask run``, the process ends as
    by ``sys.exit``, so that its jobs are handed back.
    """
    with suppress(ValueError):  # not in the main thread
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, _exit)


def _exit(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _in_child() -> None:
    global _guard  # the parent may have held it
    _guard = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
