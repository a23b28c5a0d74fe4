"""``memory://name`` for asyncio: fakeredis' connections, a pool for each event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

from redis.exceptions import ResponseError

from ..calls import Command
from .faults import raise_translated, translate


class AsyncMemoryDriver:
    """See `AsyncDriver`."""

    volatile = True

    def __init__(self, make_pool: Callable[[], Any], location: str) -> None:
        self._make_pool = make_pool
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()
        self.location = location

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.location}>"

    async def execute(self, command: Command) -> Any:
        """See `AsyncDriver.execute`."""
        (reply,) = await self.execute_many([command])
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def execute_many(self, commands: Sequence[Command]) -> list[Any]:
        """See `AsyncDriver.execute_many`."""
        async with self._borrowed() as connection:
            return [await _reply(connection, command, self.location) for command in commands]

    def dedicated(
        self, client_name: str = "", longest: float | None = None
    ) -> AsyncMemoryConnection:
        """See `AsyncDriver.dedicated`."""
        pool = self._make_pool()
        # A bound on the wait would break every command that blocks for longer.
        changes = {"socket_timeout": None, "client_name": client_name or None}
        settings = {**pool.connection_kwargs, **changes}
        return AsyncMemoryConnection(pool.connection_class(**settings), self.location)

    async def close(self) -> None:
        """See `AsyncDriver.close`."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.disconnect()

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[Any]:
        loop = asyncio.get_running_loop()
        if loop not in self._pools:
            self._pools[loop] = self._make_pool()
        pool = self._pools[loop]
        connection = await pool.get_connection()
        try:
            yield connection
        except BaseException as error:
            # A cancelled task leaves half a reply behind, which must not meet the next command.
            await connection.disconnect(nowait=True)
            raise_translated(error, self.location)
        finally:
            await pool.release(connection)


class AsyncMemoryConnection:
    """See `AsyncConnection`."""

    def __init__(self, connection: Any, location: str) -> None:
        self._connection = connection
        self._location = location

    async def execute(self, command: Command) -> Any:
        """See `AsyncConnection.execute`."""
        try:
            await self._connection.connect()
            reply = await _reply(self._connection, command, self._location)
        except BaseException as error:
            await self._connection.disconnect(nowait=True)
            raise_translated(error, self._location)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def close(self) -> None:
        """See `AsyncConnection.close`."""
        await self._connection.disconnect()


async def _reply(connection: Any, command: Command, location: str) -> Any:
    await connection.send_command(*command, check_health=False)
    try:
        return await connection.read_response()
    except ResponseError as error:
        return translate(error, location)
