"""What other code asks an application for: connections, a report, the command line."""

from __future__ import annotations

import os
import platform
import sys
import threading
import uuid
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..bootsteps import Steps
from .settings import Settings

if TYPE_CHECKING:
    from ..connection import Connection, ConnectionPool, Producer
    from ..loaders import BaseLoader
    from .base import Celery


class Clock:
    """Counts upwards; Celery's logical clock, which nothing here needs."""

    def __init__(self) -> None:
        self.value = 0
        self._guard = threading.Lock()

    def __repr__(self) -> str:
        return str(self.value)

    def forward(self) -> int:
        """The next number."""
        with self._guard:
            self.value += 1
            return self.value

    def adjust(self, other: int) -> int:
        """The number after the larger one."""
        with self._guard:
            self.value = max(self.value, int(other)) + 1
            return self.value


class Components:
    """The part of `Celery` that other code talks to.

    Attributes:
        user_options: extra options of the command line: ``app.user_options["worker"].add(option)``.
        clock: a counter.
        steps: Celery's parts of a worker; adding one is refused.
    """

    conf: Settings
    loader: BaseLoader

    def _start_components(self) -> None:
        self.steps: dict[str, Steps] = {name: Steps(name) for name in ("worker", "consumer")}
        self.user_options: defaultdict[str, set[Any]] = defaultdict(set)
        self.clock = Clock()

    def connection(
        self, hostname: str | None = None, *args: Any, url: str | None = None, **options: Any
    ) -> Connection:
        """A way to Redis, for health checks: ``with app.connection() as c: c.ensure_connection()``.

        Args:
            hostname: another URL.
        """
        made: Connection = _connection().Connection(self, url or hostname)
        return made

    def connection_for_read(self, url: str | None = None, **options: Any) -> Connection:
        """See `connection`."""
        return self.connection(url)

    def connection_for_write(self, url: str | None = None, **options: Any) -> Connection:
        """See `connection`."""
        return self.connection(url)

    def connection_or_acquire(
        self, connection: Any = None, pool: bool = True, *args: Any, **options: Any
    ) -> Any:
        """That connection, else a new one."""
        return connection or self.connection()

    default_connection = connection_or_acquire

    def producer_or_acquire(self, producer: Any = None) -> Producer | Any:
        """That producer, else one that nothing is sent by: `apply_async` needs none."""
        return producer or _connection().Producer(self)

    default_producer = producer_or_acquire

    @cached_property
    def pool(self) -> ConnectionPool:
        """Gives connections."""
        made: ConnectionPool = _connection().ConnectionPool(self)
        return made

    @property
    def producer_pool(self) -> ConnectionPool:
        """See `pool`."""
        return self.pool

    @cached_property
    def oid(self) -> str:
        """A name of this application in this process."""
        return self._name_of(os.getpid())

    @property
    def thread_oid(self) -> str:
        """A name of this application in this thread."""
        return self._name_of(os.getpid(), threading.get_ident())

    def _name_of(self, *parts: int) -> str:
        return str(uuid.uuid3(uuid.NAMESPACE_OID, f"{platform.node()}-{parts}-{id(self)}"))

    def start(self, argv: Sequence[str] | None = None) -> None:
        """Run the command line, such as ``app.start(["worker", "-l", "INFO"])``; ends the process
        as a command does.

        Args:
            argv: the words after the program's name; those of this process when not given.
        """
        run = import_module("..cli.main", __package__).run
        run(self, list(sys.argv[1:] if argv is None else argv))

    def worker_main(self, argv: Sequence[str] | None = None) -> None:
        """Run a worker: ``app.worker_main(["worker", "-c", "4"])``.

        Raises:
            ValueError: the word ``worker`` is not among them.
        """
        words = list(sys.argv if argv is None else argv)
        if "worker" not in words:
            raise ValueError(
                "The worker sub-command must be specified in argv. Use app.start() to "
                "programmatically start other commands."
            )
        self.start(words if argv is not None else words[1:])

    def bugreport(self) -> str:
        """What a report of an error should say of this application."""
        return bugreport(self)  # type: ignore[arg-type]

    def setup_security(self, *args: Any, **options: Any) -> None:
        """Not here.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(
            "setup_security: signed messages (the serializer 'auth') are not here; keep strangers "
            "out of Redis by rediss:// and a user with a password, and leave accept_content at json"
        )


def bugreport(app: Celery | None = None) -> str:
    """What a report of an error should say: versions, platform, settings without secrets."""
    state = import_module("..", __package__).current_app if app is None else app
    versions = " ".join(f"{name}:{_version(name)}" for name in ("bullrush", "kombu", "redis"))
    return (
        f"software -> {versions} py:{platform.python_version()}\n"
        f"platform -> system:{platform.system()} arch:{platform.machine()} "
        f"imp:{platform.python_implementation()}\n"
        f"loader   -> {type(state.loader).__module__}.{type(state.loader).__qualname__}\n"
        f"settings -> broker:{state.connection().as_uri()} "
        f"results:{state.conf.table().get('result_backend') or 'the job itself'}\n\n"
        f"{state.conf.humanize()}\n"
    )


def _version(name: str) -> str:
    metadata = import_module("importlib.metadata")
    try:
        return str(metadata.version(name))
    except metadata.PackageNotFoundError:
        return "?"


def _connection() -> Any:
    return import_module("..connection", __package__)
