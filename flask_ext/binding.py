"""What the extension holds for one Flask application."""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any, TypeVar
from weakref import WeakSet

from flask import Flask, current_app
from typing_extensions import Unpack

from bullrush.core import Queue
from bullrush.core.catalogue import Catalogue
from bullrush.core.drivers import Driver
from bullrush.core.errors import InvalidOption
from bullrush.core.exposition import exposition
from bullrush.core.health import Bounded, examine
from bullrush.core.snapshot import QueueSnapshot, take
from bullrush.core.thresholds import judge
from bullrush.core.worker import Handler, Worker, WorkerOptions
from bullrush.tenants import tenant_field

from . import embedding
from .access.door import Authenticate, Door
from .access.sharing import Shared
from .application import FlaskCelery
from .context import HandlerInContext
from .services import QueueService
from .settings import Settings

S = TypeVar("S", bound=QueueService)

logger = logging.getLogger("bullrush.flask_ext")

#: s that workers in this process get to finish their jobs when it ends.
GRACE = 10.0


class Binding:
    """One application's connection, queues and workers: ``app.extensions["bullrush"]``.

    Nothing connects before the first use, so an application can be built, copied by a fork or
    loaded by a reloader freely.

    Attributes:
        settings: what the application configured.
        pulse: asks Redis for a sign of life, within bounded time.
        judgement: asks which queues are above their thresholds, likewise.
        scrape: reads the metrics for Prometheus, likewise.
        catalogue: knows which queues there are.
        door: decides who is let in.
        celery: the application whose tasks `start_worker` runs; the current one of this process.
    """

    def __init__(
        self, app: Flask, settings: Settings, authenticate: Authenticate | None = None
    ) -> None:
        self.settings = settings
        shared = Shared(lambda: self.driver, settings.prefix)
        self.door = Door(settings.policy, authenticate, shared)
        self.celery = FlaskCelery(app, settings)
        self.pulse = Bounded(lambda: examine(self.driver))
        self.judgement = Bounded(lambda: judge(self.snapshots(), settings.thresholds))
        self.scrape = Bounded(lambda: exposition(self.snapshots(measures=True)))
        named = settings.queue_aliases.values()
        self.catalogue = Catalogue(lambda: self.driver, settings.prefix, named)
        self._app = app
        self._guard = threading.RLock()
        self._workers: list[Worker] = []
        self._services: dict[tuple[type[QueueService], str], QueueService] = {}
        self._warned: set[str] = set()
        _open.add(self)

    @property
    def driver(self) -> Driver:
        """The connections of this application, made on first use.

        Raises:
            InvalidOption: the configured URL, or a variable of the environment, is wrong.
        """
        return self.celery.driver

    @cached_property
    def tenant_field(self) -> str:
        """Where jobs say whose they are."""
        return tenant_field(self.celery)

    def queue(self, name: str) -> Queue:
        """The queue of that name; the same object every time.

        Raises:
            InvalidQueueName: the name cannot be part of a key.
        """
        return self.celery.queue(name)

    def service(self, kind: type[S], name: str | None = None) -> S:
        """The service of that class for a queue, or an alias; the same object every time.

        Args:
            kind: `QueueService` or a subclass.
            name: of the queue; that of the class when not given.

        Raises:
            InvalidQueueName: the name cannot be part of a key.
            InvalidOption: neither the call nor the class says which queue.
        """
        name = self.settings.queue_aliases.get(name or "", name or kind.queue_name)
        if not name:
            raise InvalidOption(f"{kind.__name__} has no queue_name, so say which queue")
        with self._guard:
            if (kind, name) not in self._services:
                self._services[kind, name] = kind(self.queue(name), self.celery)
            return self._services[kind, name]  # type: ignore[return-value]

    def look_at(self, name: str) -> Queue:
        """As `queue`, but not remembered: for names from outside, of which there is no end."""
        return Queue(name, driver=self.driver, prefix=self.settings.prefix)

    def snapshots(self, *, measures: bool = False) -> list[QueueSnapshot]:
        """How every queue stands.

        Args:
            measures: with what workers have counted.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        names = self.catalogue.names()
        return take(self.driver, self.settings.prefix, names, measures=measures)

    def worker(
        self,
        queues: str | Sequence[str],
        handler: Handler | None = None,
        **options: Unpack[WorkerOptions],
    ) -> Worker:
        """A worker that runs `handler` inside the application's context. Not started.

        Args:
            queues: the name of a queue, or several.
            handler: see `bullrush.core.worker.Worker`; the tasks of `celery` when not given.
            **options: see `WorkerOptions`.

        Raises:
            InvalidQueueName: a name that cannot be part of a key.
            InvalidOption: an unknown option, or a value out of range.
        """
        tracer = handler or self.celery.tracer(options.get("name", ""))
        inside = HandlerInContext(self._app, tracer)
        return Worker(queues, inside, driver=self.driver, prefix=self.settings.prefix, **options)

    def start_worker(
        self,
        queues: str | Sequence[str],
        handler: Handler | None = None,
        **options: Unpack[WorkerOptions],
    ) -> Worker:
        """As `worker`, started in threads of this process and stopped with it.

        Call it where the server is started, not in the application factory: a reloader, or a
        server with several processes, calls the factory more than once.
        """
        worker = self.worker(queues, handler, **options).start()
        with self._guard:
            self._workers.append(worker)
        return worker

    def start_embedded(self) -> Worker | None:
        """Start the worker of this process that ``BULLRUSH_EMBEDDED`` asks for, if it is not there;
        None when it asks for none.

        The first request does so by itself. A pre-fork server that shall work before that calls
        this in each of its children, such as in gunicorn's ``post_worker_init``.
        """
        return None if self.settings.embedded is None else embedding.ensure(self)

    def warn_once(self, text: str) -> None:
        """Log a warning that would be said at every request otherwise."""
        with self._guard:
            known = text in self._warned
            self._warned.add(text)
        if not known:
            logger.warning("%s: %s", self._app.name, text)

    def close(self) -> None:
        """Stop the workers of this process and close the connections; a later use connects anew.

        Called at the end of the process.
        """
        with self._guard:
            workers, self._workers = self._workers, []
            self._services.clear()
        if self.settings.embedded is not None:
            embedding.stop(self, GRACE)
        for worker in workers:
            worker.request_stop(GRACE)
        for worker in workers:
            worker.stop(GRACE)
        self.celery.close()


_open: WeakSet[Binding] = WeakSet()


@atexit.register
def _close_all() -> None:
    for binding in list(_open):
        try:
            binding.close()
        except Exception:  # the others are to be closed as well
            logger.exception("an application was not closed in order at the end of the process")


def current_binding() -> Binding:
    """The binding of the application whose context is active.

    Raises:
        RuntimeError: there is no application context, or its application has no extension.
    """
    return binding_of(current_app._get_current_object())  # type: ignore[attr-defined]


def binding_of(app: Flask) -> Binding:
    """The binding of an application.

    Raises:
        RuntimeError: the extension was not initialised for it.
    """
    found: Any = app.extensions.get("bullrush")
    if not isinstance(found, Binding):
        raise RuntimeError(
            f"the Flask application {app.name!r} has no Bullrush extension; "
            "call Bullrush(app) or init_app(app) first"
        )
    return found
