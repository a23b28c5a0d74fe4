"""The blocking driver: redis-py's connections, without its client's command layer, which costs more
than the command.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from redis.exceptions import RedisError, ResponseError

from ..calls import Command
from ..errors import ConnectionFailed
from .faults import translate


class PooledDriver:
    """See `Driver`. A command is sent once: whether one whose reply was lost may be repeated is for
    the caller to decide.
    """

    def __init__(self, pool: Any, location: str, *, volatile: bool = False) -> None:
        self._pool = pool
        self.location = location
        self.volatile = volatile

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.location}>"

    def execute(self, command: Command) -> Any:
        """See `Driver.execute`."""
        with self._borrowed() as connection:
            connection.send_command(*command, check_health=False)
            return connection.read_response()

    def execute_many(self, commands: Sequence[Command]) -> list[Any]:
        """See `Driver.execute_many`."""
        if not commands:
            return []
        with self._borrowed() as connection:
            connection.send_packed_command(connection.pack_commands(commands), check_health=False)
            return [self._reply(connection) for _ in commands]

    def dedicated(self, client_name: str = "") -> DedicatedConnection:
        """See `Driver.dedicated`."""
        return DedicatedConnection(self._pool, client_name, self.location)

    def close(self) -> None:
        """See `Driver.close`."""
        self._pool.disconnect()

    def _reply(self, connection: Any) -> Any:
        try:
            return connection.read_response()
        except ResponseError as error:
            return translate(error, self.location)

    @contextmanager
    def _borrowed(self) -> Iterator[Any]:
        connection = None
        try:
            connection = self._pool.get_connection()
            yield connection
        except ResponseError as error:
            raise translate(error, self.location) from None
        except (RedisError, OSError) as error:
            if connection is not None:
                connection.disconnect()
            raise translate(error, self.location) from error
        except BaseException:
            # A half-read reply must not meet the next command.
            if connection is not None:
                connection.disconnect()
            raise
        finally:
            if connection is not None:
                self._pool.release(connection)


class DedicatedConnection:
    """See `Connection`."""

    def __init__(self, pool: Any, client_name: str, location: str) -> None:
        # redis-py's default read timeout would break every command that blocks for longer.
        settings = {
            **pool.connection_kwargs,
            "socket_timeout": None,
            "client_name": client_name or None,
        }
        self._connection: Any = pool.connection_class(**settings)
        self._location = location
        self._closed = threading.Event()

    def execute(self, command: Command) -> Any:
        """See `Connection.execute`."""
        try:
            self._connection.connect()
            # Another thread may have closed it before the socket was there to be closed.
            self._check_open()
            self._connection.send_command(*command, check_health=False)
            return self._connection.read_response()
        except ResponseError as error:
            raise self._translated(error) from None
        except ConnectionFailed:
            raise
        except (RedisError, OSError, ValueError, AttributeError) as error:
            # ValueError and AttributeError: what a socket says that another thread closed
            # meanwhile.
            if not self._closed.is_set() and isinstance(error, (ValueError, AttributeError)):
                raise
            self._connection.disconnect()
            raise self._translated(error) from None

    def close(self) -> None:
        """See `Connection.close`."""
        self._closed.set()
        self._interrupt()

    def _interrupt(self) -> None:
        self._connection.disconnect()

    def _check_open(self) -> None:
        if self._closed.is_set():
            self._connection.disconnect()
            raise ConnectionFailed(f"the connection to Redis at {self._location} was closed")

    def _translated(self, error: Exception) -> Exception:
        if self._closed.is_set():
            return ConnectionFailed(f"the connection to Redis at {self._location} was closed")
        return translate(error, self._location)
