"""A worker as its signals show it, and what the signals of its life are sent by."""

from __future__ import annotations

import logging
import multiprocessing
import multiprocessing.util
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from bullrush.core.delivery import Delivery
from bullrush.core.worker import Worker

from .. import signals
from .._state import find_current
from ..app.log import LogSettings
from ..exceptions import DecodeError, InvalidTaskError, NotRegistered, WorkerTerminate
from ..finding import find_app
from ..message import decode
from .events import WorkerEvents
from .remote import Remote
from .request import Request

if TYPE_CHECKING:
    from ..app.base import Celery

logger = logging.getLogger("celery.worker")
strategy_logger = logging.getLogger("celery.worker.strategy")
app_logger = logging.getLogger("celery.apps.worker")
consumer_logger = logging.getLogger("celery.worker.consumer.consumer")

LOG_RECEIVED = "Task %(name)s[%(id)s] received"
_UNKNOWN = (
    "Received unregistered task of type %r.\nThe job has failed with NotRegistered.\n\nDid you "
    "remember to import the module containing this task?"
)


class Node:
    """What receivers of `celeryd_init`, `worker_init` and their like get: the worker that is about
    to be, or is.

    Attributes:
        app: its application.
        hostname: its name.
        options: what it was asked for, such as ``concurrency`` and ``pool``.
        consumer: the sender of `worker_ready` and `task_received`.
        worker: the core's worker, when it has been made.
        remote: what answers remote control.
        events: what tells of it and of its tasks.
        counts: name of a task, as it is stored -> how many runs have ended.
        terminated: a run that remote control has ended -> the signal.
    """

    def __init__(self, app: Celery, hostname: str, options: dict[str, Any]) -> None:
        self.app, self.hostname, self.options = app, hostname, options
        self.consumer = NodeConsumer(self)
        self.worker: Worker | None = None
        self.exitcode = 0
        #: The first signal says how the command ends.
        self._signalled_before = False
        self.remote: Remote | None = None
        self.events: WorkerEvents | None = None
        self.counts: Counter[Any] = Counter()
        self.terminated: WeakKeyDictionary[Delivery, int] = WeakKeyDictionary()
        #: Task -> attributes that remote control has changed.
        self.changed_tasks: dict[str, dict[str, Any]] = {}

    def __repr__(self) -> str:
        return f"<Worker: {self.hostname}>"

    @property
    def concurrency(self) -> int | None:
        """How many tasks at once."""
        if self.worker is not None:
            return self.worker.concurrency
        value: int | None = self.options.get("concurrency")
        return value

    def stop(self) -> None:
        """Warm: running tasks end."""
        if self.worker is not None:
            self.worker.request_stop()

    def announce(self) -> None:
        """Before anything is made: receivers may change the application's settings."""
        signals.celeryd_init.send(
            sender=self.hostname, instance=self, conf=self.app.conf, options=self.options
        )

    def begin(self) -> None:
        """The application's modules are imported, and nothing is started yet."""
        signals.worker_init.send(sender=self)
        if self.options.get("pool") == "solo":
            signals.worker_process_init.send(sender=self.hostname)

    def set_up(self) -> None:
        """The log is set up; receivers may add queues."""
        signals.celeryd_after_setup.send(sender=self.hostname, instance=self, conf=self.app.conf)

    def attach(self, worker: Worker) -> None:
        """Tell of that worker's life from now on."""
        self.worker = worker
        worker.on("ready", self._heeding(self._ready))
        worker.on("active", self._heeding(self.consumer.receive))
        worker.on("heartbeat", self._heeding(self._beat))
        worker.on("signalled", self._heeding(self._signalled))
        worker.on("closed", self._closed)
        worker.on("completed", self._count)
        worker.on("failed", self._count)
        self.events = WorkerEvents(self, worker)
        self.events.attach()
        if self.app.conf.worker_enable_remote_control:
            self.remote = Remote(self, worker)
            self.remote.attach()

    def leave(self, error: SystemExit) -> None:
        """Stop the worker because somebody raised WorkerShutdown, or WorkerTerminate: then running
        tasks are handed back at once.
        """
        logger.warning("stopping: %s", error or type(error).__name__)
        if isinstance(error.code, int):
            self.exitcode = error.code
        if self.worker is not None:
            self.worker.request_stop(0 if isinstance(error, WorkerTerminate) else None)

    def _heeding(self, listener: Callable[..., Any]) -> Callable[..., None]:
        """Receivers of signals may raise WorkerShutdown and WorkerTerminate."""

        def heed(*details: Any) -> None:
            try:
                listener(*details)
            except SystemExit as error:
                self.leave(error)

        return heed

    def _ready(self) -> None:
        app_logger.info("%s ready.", self.hostname)
        signals.worker_ready.send(sender=self.consumer)

    def _beat(self) -> None:
        signals.heartbeat_sent.send(sender=self.consumer)

    def _signalled(self, name: str, at_once: bool) -> None:
        if not at_once and not self._signalled_before:
            self.exitcode = int(name == "SIGINT")
        self._signalled_before = True
        signals.worker_shutting_down.send(
            sender=self.hostname,
            sig=name,
            how="Cold" if at_once else "Warm",
            exitcode=self.exitcode,
        )

    def _count(self, delivery: Delivery, outcome: Any) -> None:
        self.counts[delivery.job.raw("name")] += 1

    def _closed(self) -> None:
        signals.worker_shutdown.send(sender=self)


class NodeConsumer:
    """The part of a worker that takes tasks.

    Attributes:
        controller: the `Node` it belongs to.
    """

    def __init__(self, node: Node) -> None:
        self.app, self.hostname, self.controller = node.app, node.hostname, node

    def __repr__(self) -> str:
        return f"<Consumer: {self.hostname}>"

    @property
    def pool(self) -> Any:
        """What runs the tasks."""
        worker = self.controller.worker
        return None if worker is None else worker.pool

    @property
    def event_dispatcher(self) -> Any:
        """What sends the worker's events: ``event_dispatcher.send("shop-opened", number=1)``."""
        events = self.controller.events
        return None if events is None else events.dispatcher

    def receive(self, delivery: Delivery) -> None:
        """A task was taken from its queue."""
        if signals.task_rejected.receivers:
            self._tell_unreadable(delivery)
        heard = signals.task_received.receivers
        logged = strategy_logger.isEnabledFor(logging.INFO)
        if delivery.job.name not in self.app.tasks:
            self._unknown(Request(self.app, self.hostname, delivery))
        elif heard or logged:
            request = Request(self.app, self.hostname, delivery)
            if heard:
                signals.task_received.send(sender=self, request=request)
            if logged:
                about = {
                    "id": request.id,
                    "name": request.name,
                    "args": request.argsrepr,
                    "kwargs": request.kwargsrepr,
                    "eta": request.eta,
                }
                strategy_logger.info(LOG_RECEIVED, about, extra={"data": about})

    def _tell_unreadable(self, delivery: Delivery) -> None:
        """Of a job that is no call; it fails when its turn comes."""
        try:
            decode(delivery.job.raw("data"), delivery.job.data)
        except (InvalidTaskError, DecodeError, ValueError, RecursionError) as error:
            message = Request(self.app, self.hostname, delivery).message
            signals.task_rejected.send(sender=self, message=message, exc=error)

    def _unknown(self, request: Request) -> None:
        consumer_logger.error(_UNKNOWN, request.name)
        signals.task_unknown.send(
            sender=self,
            message=request.message,
            exc=NotRegistered(request.name),
            name=request.name,
            id=request.id,
        )


@dataclass(frozen=True)
class ChildLife:
    """The first and the last thing in each child process; can be sent to one.

    Args:
        hostname: the worker's name.
        source: what `find_app` takes.
        log: how to set up the log; None leaves it alone.
        prepare: called next.
    """

    hostname: str
    source: str | None = None
    log: LogSettings | None = None
    prepare: Callable[[], None] | None = None

    def __call__(self) -> None:
        """Begin the life of this process, and see to its end."""
        process = multiprocessing.current_process()
        process.name = process.name.replace("PoolWorker", "ForkPoolWorker")
        if self.log is not None:
            app = find_app(self.source) if self.source else find_current()
            self.log.set_up_child(app)
        if self.prepare is not None:
            self.prepare()
        signals.worker_process_init.send(sender=self.hostname)
        multiprocessing.util.Finalize(None, self.end, exitpriority=1000)

    def end(self) -> None:
        """The process leaves by itself."""
        signals.worker_process_shutdown.send(sender=self.hostname, pid=os.getpid(), exitcode=0)


def before_child(hostname: str) -> Callable[[], None]:
    """What a worker does before it makes a child process."""

    def tell() -> None:
        signals.worker_before_create_process.send(sender=hostname)

    return tell
