"""The asyncio driver: as `pooled`, one pool for each event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

import redis.asyncio
from redis.exceptions import RedisError, ResponseError

from ..calls import Command
from .faults import translate


class AsyncPooledDriver:
    """See `AsyncDriver`."""

    def __init__(
        self,
        make_pool: Callable[[], redis.asyncio.ConnectionPool],
        location: str,
        *,
        volatile: bool = False,
    ) -> None:
        self._make_pool = make_pool
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()
        self.location = location
        self.volatile = volatile

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.location}>"

    async def execute(self, command: Command) -> Any:
        """See `AsyncDriver.execute`."""
        async with self._borrowed() as connection:
            await connection.send_command(*command, check_health=False)
            return await connection.read_response()

    async def execute_many(self, commands: Sequence[Command]) -> list[Any]:
        """See `AsyncDriver.execute_many`."""
        if not commands:
            return []
        async with self._borrowed() as connection:
            await connection.send_packed_command(
                connection.pack_commands(commands), check_health=False
            )
            return [await self._reply(connection) for _ in commands]

    def dedicated(self, client_name: str = "") -> AsyncDedicatedConnection:
        """See `AsyncDriver.dedicated`."""
        return AsyncDedicatedConnection(self._make_pool(), client_name, self.location)

    async def close(self) -> None:
        """See `AsyncDriver.close`."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.disconnect()

    def _pool(self) -> Any:
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            pool = self._pools[loop] = self._make_pool()
        return pool

    async def _reply(self, connection: Any) -> Any:
        try:
            return await connection.read_response()
        except ResponseError as error:
            return translate(error, self.location)

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[Any]:
        pool, connection = self._pool(), None
        try:
            connection = await pool.get_connection()
            yield connection
        except ResponseError as error:
            raise translate(error, self.location) from None
        except (RedisError, OSError) as error:
            if connection is not None:
                await connection.disconnect()
            raise translate(error, self.location) from error
        except BaseException:
            # A cancelled task leaves half a reply behind, which must not meet the next command.
            if connection is not None:
                await connection.disconnect(nowait=True)
            raise
        finally:
            if connection is not None:
                await pool.release(connection)


class AsyncDedicatedConnection:
    """See `AsyncConnection`."""

    def __init__(self, pool: redis.asyncio.ConnectionPool, client_name: str, location: str) -> None:
        settings = {
            **pool.connection_kwargs,
            "socket_timeout": None,
            "client_name": client_name or None,
        }
        self._connection: Any = pool.connection_class(**settings)
        self._location = location

    async def execute(self, command: Command) -> Any:
        """See `AsyncConnection.execute`."""
        try:
            await self._connection.connect()
            await self._connection.send_command(*command, check_health=False)
            return await self._connection.read_response()
        except ResponseError as error:
            raise translate(error, self._location) from None
        except (RedisError, OSError) as error:
            await self._connection.disconnect()
            raise translate(error, self._location) from None
        except BaseException:
            await self._connection.disconnect(nowait=True)
            raise

    async def close(self) -> None:
        """See `AsyncConnection.close`."""
        await self._connection.disconnect()
