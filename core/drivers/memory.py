"""``memory://name``: the same scripts on fakeredis, inside this process. The same name is the same
data.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from redis.exceptions import ResponseError

from ..calls import Command
from ..errors import InvalidOption
from .faults import translate
from .link import Link
from .memory_async import AsyncMemoryDriver
from .pooled import DedicatedConnection, PooledDriver

_servers: dict[str, Any] = {}
_guard = threading.Lock()


def memory_driver(name: str) -> PooledDriver:
    """A blocking driver for that data.

    Raises:
        InvalidOption: fakeredis is not installed.
    """
    pool = _fakeredis().FakeRedis(server=_server(name), protocol=2).connection_pool
    location = f"memory://{name}"

    def open_link(**settings: Any) -> Link:
        return MemoryLink(pool.connection_class(**{**pool.connection_kwargs, **settings}), location)

    return MemoryDriver(open_link, location, volatile=True)


def memory_client(name: str) -> Any:
    """redis-py's blocking client for that data.

    Raises:
        InvalidOption: fakeredis is not installed.
    """
    return _fakeredis().FakeRedis(server=_server(name))


def memory_name(url: str) -> str:
    """What ``memory://name`` names."""
    return url.split("://", 1)[1].strip("/") or "default"


def memory_driver_async(name: str) -> AsyncMemoryDriver:
    """An asyncio driver for that data.

    Raises:
        InvalidOption: fakeredis is not installed.
    """
    fakeredis, server = _fakeredis(), _server(name)

    def make_pool() -> Any:
        return fakeredis.FakeAsyncRedis(server=server, protocol=2).connection_pool

    return AsyncMemoryDriver(make_pool, f"memory://{name}")


def forget_memory(name: str) -> None:
    """Let go of the data of that name. Drivers that have it keep it."""
    with _guard:
        _servers.pop(name, None)


class MemoryLink:
    """See `Link`: fakeredis' connection, which has no socket."""

    def __init__(self, connection: Any, location: str) -> None:
        connection.connect()
        self._connection = connection
        self._location = location

    def usable(self) -> bool:
        """See `Link.usable`."""
        return True

    def execute(self, command: Command) -> Any:
        """See `Link.execute`."""
        self._connection.send_command(*command, check_health=False)
        try:
            return self._connection.read_response()
        except ResponseError as error:
            return translate(error, self._location)

    def send(self, command: Command) -> None:
        """See `Link.send`. There is nobody who could work meanwhile."""
        self._reply = self.execute(command)

    def send_many(self, commands: Sequence[Command]) -> None:
        """See `Link.send_many`. Not needed: there is nothing to watch."""
        raise NotImplementedError

    def receive(self) -> Any:
        """See `Link.receive`."""
        return self._reply

    def fileno(self) -> int:
        """See `Link.fileno`."""
        raise NotImplementedError

    def execute_many(self, commands: Sequence[Command]) -> list[Any]:
        """See `Link.execute_many`."""
        return [self.execute(command) for command in commands]

    def close(self) -> None:
        """See `Link.close`."""
        self._connection.disconnect()


class MemoryDriver(PooledDriver):
    """See `PooledDriver`."""

    def dedicated(self, client_name: str = "", longest: float | None = None) -> MemoryConnection:
        """See `Driver.dedicated`."""
        return MemoryConnection(self, client_name)


class MemoryConnection(DedicatedConnection):
    """There is no socket that another thread could close, so a blocked command is ended by CLIENT
    UNBLOCK.
    """

    def __init__(self, driver: MemoryDriver, client_name: str) -> None:
        super().__init__(driver.open_link, client_name, driver.location)
        self._driver = driver
        self._client_id: int | None = None
        self._idle = threading.Event()
        self._idle.set()

    def execute(self, command: Command) -> Any:
        """See `Connection.execute`."""
        self._idle.clear()
        try:
            if self._client_id is None:
                self._client_id = super().execute(("CLIENT", "ID"))
            return super().execute(command)
        finally:
            self._idle.set()

    def close(self) -> None:
        """See `Connection.close`. Until it worked: the command may be on its way to block when it
        is unblocked for the first time.
        """
        self._closed.set()
        while not self._idle.wait(0.01):
            if self._client_id is not None:
                self._driver.execute(("CLIENT", "UNBLOCK", self._client_id, "ERROR"))
        super().close()


def _fakeredis() -> Any:
    try:
        import fakeredis  # noqa: PLC0415 - an extra
    except ImportError:
        raise InvalidOption(
            'memory:// needs fakeredis with Lua: pip install "bullrush[dev]"'
        ) from None
    return fakeredis


def _server(name: str) -> Any:
    with _guard:
        if name not in _servers:
            _servers[name] = _fakeredis().FakeServer(version=(7, 4))
        return _servers[name]
