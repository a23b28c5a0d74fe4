"""What ``app.connection()`` gives: enough of kombu's connection for health checks."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from bullrush.core.drivers import Driver, connect
from bullrush.core.errors import AuthenticationFailed, ConnectionFailed
from bullrush.exceptions import BrokerUnreachable, OperationalError

if TYPE_CHECKING:
    from .app.base import Celery


class Transport(NamedTuple):
    """The kind of a broker.

    Attributes:
        driver_name: the scheme of its URL.
        driver_type: ``redis``, or ``virtual`` for one within the process, as in kombu.
    """

    driver_name: str

    @property
    def driver_type(self) -> str:
        """See `Transport`."""
        return "virtual" if self.driver_name == "memory" else "redis"


class Connection:
    """A way to Redis.

    Args:
        app: whose connections are used.
        url: another Redis; None for the application's own.

    Attributes:
        connection_errors, recoverable_connection_errors: what it raises when Redis does not answer.
    """

    connection_errors: tuple[type[BaseException], ...] = (ConnectionFailed, OperationalError)
    recoverable_connection_errors = connection_errors
    channel_errors: tuple[type[BaseException], ...] = ()
    recoverable_channel_errors = channel_errors

    def __init__(self, app: Celery, url: str | None = None) -> None:
        self.app = app
        self._url = url
        self._own: Driver | None = None
        self.connected = False

    def __repr__(self) -> str:
        return f"<Connection: {self.as_uri()}>"

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotImplementedError(
            f"Connection.{name} is kombu's and is not here; tasks are sent by apply_async, and "
            "app.queue(name) has what BullMQ does with a queue"
        )

    @property
    def driver(self) -> Driver:
        """What talks to Redis."""
        if self._url is None:
            return self.app.driver
        if self._own is None:
            self._own = connect(self._url)
        return self._own

    @property
    def transport_cls(self) -> str:
        """The scheme of the URL."""
        return urlsplit(self._configured()).scheme

    @property
    def transport(self) -> Transport:
        """What the broker is, for who shows it."""
        return Transport(self.transport_cls)

    @property
    def hostname(self) -> str | None:
        """The host of the URL."""
        return urlsplit(self._configured()).hostname

    def connect(self) -> Connection:
        """Ask Redis for a sign of life.

        Raises:
            OperationalError: it did not answer.
        """
        try:
            self.driver.execute(("PING",))
        except ConnectionFailed as error:
            raise BrokerUnreachable(*error.args) from error
        self.connected = True
        return self

    def ensure_connection(
        self,
        errback: Callable[[BaseException, float], Any] | None = None,
        max_retries: int | None = None,
        interval_start: float = 2,
        interval_step: float = 2,
        interval_max: float = 30,
        **options: Any,
    ) -> Connection:
        """As `connect`, again and again until it answers.

        Args:
            errback: told of each failure, with the pause in s.
            max_retries: how often; None for ever.
            interval_start, interval_step, interval_max: s between two tries.

        Raises:
            OperationalError: it did not answer, the last time either.
        """
        tries, pause = 0, float(interval_start)
        while True:
            try:
                return self.connect()
            except BrokerUnreachable as error:
                refused = isinstance(error.__cause__, AuthenticationFailed)
                if refused or (max_retries is not None and tries >= max_retries):
                    raise
                if errback is not None:
                    errback(error, pause)
            time.sleep(pause)
            tries, pause = tries + 1, min(pause + interval_step, interval_max)

    def as_uri(self, include_password: bool = False, **options: Any) -> str:
        """The URL, with stars for the password."""
        url = self._configured()
        password = urlsplit(url).password if not include_password else None
        return url.replace(f":{password}@", ":**@", 1) if password else url

    def clone(self, **options: Any) -> Connection:
        """The same anew."""
        return Connection(self.app, self._url)

    def release(self) -> None:
        """Close what belongs to it alone."""
        own, self._own = self._own, None
        self.connected = False
        if own is not None:
            own.close()

    close = release

    def _configured(self) -> str:
        return self._url or self.app.broker_location()


class ConnectionPool:
    """What ``app.pool`` gives: connections are made as threads need them."""

    def __init__(self, app: Celery) -> None:
        self.app = app
        self.limit = app.conf.broker_pool_limit

    def acquire(self, block: bool = False, timeout: float | None = None) -> Connection:
        """A way to Redis."""
        return Connection(self.app)

    def release(self, connection: Any) -> None:
        """Give it back."""

    def force_close_all(self) -> None:
        """Close the connections of this process; a later use connects anew."""
        self.app.disconnect()


class Producer:
    """What ``app.producer_or_acquire()`` gives: code that hands it on to `apply_async` works."""

    def __init__(self, app: Celery) -> None:
        self.app = app
        self.connection = Connection(app)

    def __enter__(self) -> Producer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.release()

    def publish(self, *args: Any, **options: Any) -> None:
        """Not here.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(
            "Producer.publish sends messages of kombu; send tasks by app.send_task(name, args)"
        )

    def release(self) -> None:
        """Nothing to give back."""
