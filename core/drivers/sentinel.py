"""The server that the sentinels call the master now. It is asked for whenever a link is opened, so
after a failover the next link leads to the new one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import AuthenticationFailed, BullrushError, ConnectionFailed
from .addresses import Host, Many
from .faults import translate
from .link import SocketLink
from .link_async import AsyncLink
from .shared import open_link as open_async_link

_ROLE = ("ROLE",)


class Finder:
    """Asks sentinels, and remembers which one answered last.

    Args:
        place: the hosts and the name.
        new_sentinel: makes redis-py's connection to a sentinel from host and port.
        new_server: the same to a server.
    """

    def __init__(
        self,
        place: Many,
        location: str,
        new_sentinel: Callable[..., Any],
        new_server: Callable[..., Any],
    ) -> None:
        self._hosts = list(place.hosts)
        self._name = place.name
        self._location = location
        self._new_sentinel, self._new_server = new_sentinel, new_server
        self._question = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", place.name)

    def open_link(self, **changes: Any) -> SocketLink:
        """A link to the master.

        Raises:
            ConnectionFailed: no sentinel answers, or none knows a master that is one.
            RedisError, OSError: the master cannot be reached.
        """
        host, port = self._ask()
        link = SocketLink(self._new_server(host=host, port=port, **changes), self._location)
        try:
            self._check(link.execute(_ROLE))
        except BaseException:
            link.close()
            raise
        return link

    async def open_async_link(self, **changes: Any) -> AsyncLink:
        """As `open_link`."""
        host, port = await self._ask_async()
        connection = self._new_server(host=host, port=port, **changes)
        link = await open_async_link(connection, self._location)
        try:
            self._check(await link.execute(_ROLE))
        except BaseException:
            link.close()
            raise
        return link

    def _ask(self) -> Host:
        said: list[str] = []
        for host, port in list(self._hosts):
            try:
                link = SocketLink(self._new_sentinel(host=host, port=port), self._location)
                try:
                    reply = link.execute(self._question)
                finally:
                    link.close()
            except Exception as error:
                self._note(said, error, host, port)
                continue
            if (found := self._answer(said, reply, (host, port))) is not None:
                return found
        raise self._unknown(said)

    async def _ask_async(self) -> Host:
        said: list[str] = []
        for host, port in list(self._hosts):
            try:
                connection = self._new_sentinel(host=host, port=port)
                link = await open_async_link(connection, self._location)
                try:
                    reply = await link.execute(self._question)
                finally:
                    link.close()
            except Exception as error:
                self._note(said, error, host, port)
                continue
            if (found := self._answer(said, reply, (host, port))) is not None:
                return found
        raise self._unknown(said)

    def _note(self, said: list[str], error: Exception, host: str, port: int) -> None:
        error = translate(error, f"{host}:{port}")
        if isinstance(error, AuthenticationFailed):
            raise error
        said.append(str(error))

    def _answer(self, said: list[str], reply: Any, asked: Host) -> Host | None:
        if isinstance(reply, BullrushError):
            self._note(said, reply, *asked)
            return None
        if not reply:
            said.append(f"{asked[0]}:{asked[1]} knows no master {self._name!r}")
            return None
        self._hosts.sort(key=lambda host: host != asked)
        return reply[0].decode(), int(reply[1])

    def _unknown(self, said: list[str]) -> ConnectionFailed:
        return ConnectionFailed(f"no sentinel of {self._location} knew a master: {'; '.join(said)}")

    def _check(self, role: Any) -> None:
        """A server that was the master may not know yet that it is none any more."""
        if isinstance(role, list) and role[0] != b"master":
            raise ConnectionFailed(
                f"the master of {self._location} is a {role[0].decode()}: a failover is going on"
            )
