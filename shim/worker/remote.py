"""A worker as remote control sees it: the first argument of every command."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING

from bullrush.core.delivery import Delivery
from bullrush.core.errors import BullrushError
from bullrush.core.fleet import Fleet
from bullrush.core.worker import Worker

from ..ids import task_id_of
from . import state as process
from .pidbox import Pidbox
from .request import Request
from .revoked import Revoked

if TYPE_CHECKING:
    from .node import Node, NodeConsumer

logger = logging.getLogger("celery.worker.control")


class Remote:
    """What commands get as ``state``.

    Attributes:
        app: the application.
        hostname: the worker's name.
        consumer: the part of it that takes tasks.
        worker: the core's worker.
        revoked: the revoked tasks it knows of.
        total: task name -> how many it has ended.
        tset: makes a set.
    """

    tset = set

    def __init__(self, node: Node, worker: Worker) -> None:
        self.node, self.app, self.hostname = node, node.app, node.hostname
        self.worker = worker
        self.consumer: NodeConsumer = node.consumer
        self.revoked = Revoked(self)
        self.started = time.time()
        self.commands = 0
        self._pidbox = Pidbox(self)
        self._pid = os.getpid()

    def attach(self) -> None:
        """Live as long as the worker does."""
        worker = self.worker
        worker.on("ready", self._start)
        worker.on("closed", self._stop)

    @property
    def fleet(self) -> Fleet:
        """Where commands come from."""
        return self.app.control.fleet

    @property
    def total(self) -> dict[str, int]:
        """Task name -> how many runs have ended."""
        return {(name or b"").decode("utf-8", "replace"): n for name, n in self.node.counts.items()}

    def requests(self) -> list[Request]:
        """Every task in the worker's hands, with the pid of its process when it runs."""
        return [self.request_of(each) for each in self.worker.running()]

    def active(self) -> list[Request]:
        """Those that run."""
        return [each for each in self.requests() if each.worker_pid is not None]

    def reserved(self) -> list[Request]:
        """Those that wait for a slot."""
        return [each for each in self.requests() if each.worker_pid is None]

    def request_of(self, delivery: Delivery) -> Request:
        """A delivery as users know it."""
        request = Request(self.app, self.hostname, delivery)
        request.worker_pid = self.worker.process_of(delivery)
        return request

    def running_with(self, ids: set[str]) -> list[Delivery]:
        """Deliveries of these tasks."""
        return [each for each in self.worker.running() if task_id_of(each.job.id) in ids]

    def _start(self) -> None:
        process.workers.append(self)
        try:
            self._pidbox.open()
        except BullrushError as error:
            logger.warning("remote control: %s", error)
        self._pidbox.start()

    def _stop(self) -> None:
        self._pidbox.stop()
        if self in process.workers:
            process.workers.remove(self)
