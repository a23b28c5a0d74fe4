"""The asyncio driver: one link for each event loop, shared by its tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from ..calls import Command
from ..errors import BullrushError
from .faults import is_demotion, raise_translated
from .link_async import AsyncLink

#: Opens a link; takes settings of redis-py's connection that differ from the driver's.
OpenLink = Callable[..., Awaitable[AsyncLink]]


@dataclass
class _Home:
    """What one event loop has."""

    link: AsyncLink | None = None
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)


class SharedDriver:
    """See `AsyncDriver`. A command is sent once, and a task that is cancelled leaves its reply to
    nobody; the link goes on.
    """

    volatile = False

    def __init__(self, open_link: OpenLink, location: str) -> None:
        self._open_link = open_link
        self.location = location
        self._homes: WeakKeyDictionary[asyncio.AbstractEventLoop, _Home] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.location}>"

    async def execute(self, command: Command) -> Any:
        """See `AsyncDriver.execute`."""
        link = await self._link()
        reply = await link.execute(command)
        if isinstance(reply, BullrushError):
            if is_demotion(reply):
                link.close()
            raise reply
        return reply

    async def execute_many(self, commands: Sequence[Command]) -> list[Any]:
        """See `AsyncDriver.execute_many`."""
        if not commands:
            return []
        link = await self._link()
        return await link.execute_many(commands)

    def dedicated(
        self, client_name: str = "", longest: float | None = None
    ) -> AsyncDedicatedConnection:
        """See `AsyncDriver.dedicated`."""
        return AsyncDedicatedConnection(self._open_link, client_name, longest)

    async def close(self) -> None:
        """See `AsyncDriver.close`."""
        home = self._homes.pop(asyncio.get_running_loop(), None)
        if home is not None and home.link is not None:
            home.link.close()

    async def _link(self) -> AsyncLink:
        loop = asyncio.get_running_loop()
        home = self._homes.get(loop)
        if home is None:
            home = self._homes[loop] = _Home()
        if home.link is None or not home.link.usable():
            async with home.opening:
                if home.link is None or not home.link.usable():
                    home.link = await self._open_link()
        return home.link


class AsyncDedicatedConnection:
    """See `AsyncConnection`."""

    def __init__(self, open_link: OpenLink, client_name: str, longest: float | None = None) -> None:
        # The driver's own bound would break every command that blocks for longer.
        self._settings = {"socket_timeout": longest, "client_name": client_name or None}
        self._open_link = open_link
        self._link: AsyncLink | None = None

    async def execute(self, command: Command) -> Any:
        """See `AsyncConnection.execute`."""
        link = self._link
        if link is None or not link.usable():
            link = self._link = await self._open_link(**self._settings)
        try:
            reply = await link.execute(command)
        except BaseException:
            # A command that blocks may be left behind; the next one must not wait for it.
            link.close()
            raise
        if isinstance(reply, BullrushError):
            if is_demotion(reply):
                link.close()
            raise reply
        return reply

    async def close(self) -> None:
        """See `AsyncConnection.close`."""
        if self._link is not None:
            self._link.close()


async def open_link(connection: Any, location: str) -> AsyncLink:
    """Open a connection of redis-py and take it over.

    Raises:
        ConnectionFailed: nobody answers.
        AuthenticationFailed: the user or the password is refused.
    """
    try:
        return await AsyncLink(location, connection.socket_timeout).open(connection)
    except Exception as error:
        raise_translated(error, location)
