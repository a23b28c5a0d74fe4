"""``memory://name``: the same scripts on fakeredis, inside this process. The same name is the same
data.
"""

from __future__ import annotations

import threading
from typing import Any

from ..calls import Command
from ..errors import InvalidOption
from .pooled import DedicatedConnection, PooledDriver
from .pooled_async import AsyncPooledDriver

_servers: dict[str, Any] = {}
_guard = threading.Lock()


def memory_driver(name: str) -> PooledDriver:
    """A blocking driver for that data.

    Raises:
        InvalidOption: fakeredis is not installed.
    """
    client = _fakeredis().FakeRedis(server=_server(name), protocol=2)
    return MemoryDriver(client.connection_pool, f"memory://{name}", volatile=True)


def memory_driver_async(name: str) -> AsyncPooledDriver:
    """An asyncio driver for that data.

    Raises:
        InvalidOption: fakeredis is not installed.
    """
    fakeredis, server = _fakeredis(), _server(name)

    def make_pool() -> Any:
        return fakeredis.FakeAsyncRedis(server=server, protocol=2).connection_pool

    return AsyncPooledDriver(make_pool, f"memory://{name}", volatile=True)


def forget_memory(name: str) -> None:
    """Let go of the data of that name. Drivers that have it keep it."""
    with _guard:
        _servers.pop(name, None)


class MemoryDriver(PooledDriver):
    """See `PooledDriver`."""

    def dedicated(self, client_name: str = "") -> MemoryConnection:
        """See `Driver.dedicated`."""
        return MemoryConnection(self, client_name)


class MemoryConnection(DedicatedConnection):
    """There is no socket that another thread could close, so a blocked command is ended by CLIENT
    UNBLOCK.
    """

    def __init__(self, driver: MemoryDriver, client_name: str) -> None:
        super().__init__(driver._pool, client_name, driver.location)
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

    def _interrupt(self) -> None:
        """Until it worked: the command may be on its way to block when it is unblocked for the
        first time.
        """
        while not self._idle.wait(0.01):
            if self._client_id is not None:
                self._driver.execute(("CLIENT", "UNBLOCK", self._client_id, "ERROR"))


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
