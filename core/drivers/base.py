"""The seam between calls and a server. A driver knows nothing of queues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..calls import Command


class Connection(Protocol):
    """One connection without a read timeout, for commands that block."""

    def execute(self, command: Command) -> Any:
        """Send a command and wait for its reply; connects again after a failure.

        Raises:
            BullrushError: see `Driver.execute`.
        """

    def send(self, commands: Sequence[Command]) -> None:
        """Send commands and do not wait; connects again after a failure. `receive` comes next.

        Raises:
            BullrushError: see `Driver.execute`.
        """

    def receive(self, count: int) -> list[Any]:
        """The replies of so many commands that were sent. An error stands in its place.

        Raises:
            ConnectionFailed: the server did not answer.
        """

    def fileno(self) -> int:
        """What becomes readable when a reply is there; only of a driver that is `watchable`, and
        after `send`.
        """

    def close(self) -> None:
        """Close it for good, from any thread; a blocked `execute` raises `ConnectionFailed`, and so
        does every later one.
        """


class Pending(Protocol):
    """A reply that is on its way."""

    def wait(self) -> Any:
        """The reply. Called once.

        Raises:
            As `Driver.execute`.
        """


class Driver(Protocol):
    """A server and a pool of connections to it, safe to share between threads.

    Attributes:
        location: the URL without user, password and query, for logs.
        volatile: whether the data is in the memory of this process.
        own_server: whether this process has started the server, which ends with it.
        watchable: whether its dedicated connections can be watched by `select.poll`.
        url: with its secrets, for another process that connects to the same server; never shown.
    """

    url: str
    location: str
    volatile: bool
    own_server: bool
    watchable: bool

    def execute(self, command: Command) -> Any:
        """Send one command. Replies are bytes, int, list or None; nothing is decoded.

        Raises:
            ConnectionFailed: the server did not answer; whether the command was run is unknown.
            AuthenticationFailed: it refused the user or the password.
            ServerError: it answered with an error.
        """

    def begin(self, command: Command) -> Pending:
        """Send one command and do not wait: the server works while the caller does something else.

        Raises:
            As `execute`.
        """

    def execute_many(self, commands: Sequence[Command]) -> list[Any]:
        """Send several commands in one round trip, not as a transaction. An error stands in its
        place in the list.

        Raises:
            ConnectionFailed: the server did not answer.
        """

    def dedicated(self, client_name: str = "", longest: float | None = None) -> Connection:
        """A connection of its own, that CLIENT LIST shows under that name. Connects when it is
        first used.

        Args:
            longest: s; a reply that has not come by then will not come: the connection is closed,
                and `execute` raises. None: whatever it takes.
        """

    def close(self) -> None:
        """Close every pooled connection. Dedicated ones are closed by their owners."""


class AsyncConnection(Protocol):
    """As `Connection`, for asyncio."""

    async def execute(self, command: Command) -> Any:
        """See `Connection.execute`."""

    async def close(self) -> None:
        """See `Connection.close`."""


class AsyncDriver(Protocol):
    """As `Driver`, for asyncio. May be used from several event loops; each has its own pool."""

    location: str
    volatile: bool

    async def execute(self, command: Command) -> Any:
        """See `Driver.execute`."""

    async def execute_many(self, commands: Sequence[Command]) -> list[Any]:
        """See `Driver.execute_many`."""

    def dedicated(self, client_name: str = "", longest: float | None = None) -> AsyncConnection:
        """See `Driver.dedicated`."""

    async def close(self) -> None:
        """Close every pooled connection of the running loop."""
