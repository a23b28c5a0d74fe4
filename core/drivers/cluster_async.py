"""The asyncio driver of a Redis Cluster: a shared driver for each node that is talked to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ..calls import Argument, Command
from ..errors import BullrushError, ConnectionFailed, ServerError
from .addresses import Host
from .cluster import ASK_SLOTS, REDIRECTIONS, ClusterRouting, no_cluster
from .shared import AsyncDedicatedConnection, OpenLink, SharedDriver
from .slots import asked_of, by_node, first_key, key_of, tag_of


class AsyncClusterDriver(ClusterRouting):
    """See `AsyncDriver`, and `ClusterDriver` for where commands go."""

    def __init__(self, open_link: OpenLink, seeds: Sequence[Host], location: str) -> None:
        super().__init__(seeds, location)
        self._open_link = open_link
        self._nodes: dict[Host, SharedDriver] = {}

    async def execute(self, command: Command) -> Any:
        """See `AsyncDriver.execute`."""
        slot, error = self.slot_for(key_of(command)), None
        for _ in range(REDIRECTIONS):
            host = await self.owner(slot)
            try:
                return await self._node(host).execute(command)
            except ConnectionFailed:
                self._slots.forget()
                raise
            except ServerError as caught:
                error = caught
                if caught.kind == "ASK":
                    return await self._asking(command, asked_of(caught, host))
                if not self.moved(caught, host):
                    raise
        raise ConnectionFailed(f"the slots of {self.location} keep moving: {error}")

    async def execute_many(self, commands: Sequence[Command]) -> list[Any]:
        """See `AsyncDriver.execute_many`. One round trip for each node."""
        self.slot_for(first_key(commands))
        hosts = [await self.owner(self.slot_for(key_of(command))) for command in commands]
        replies: list[Any] = [None] * len(commands)
        for host, places in by_node(hosts).items():
            try:
                said = await self._node(host).execute_many([commands[place] for place in places])
            except ConnectionFailed:
                self._slots.forget()
                raise
            for place, reply in zip(places, said, strict=True):
                replies[place] = await self._settled(commands[place], reply, host)
        return replies

    def dedicated(
        self, client_name: str = "", longest: float | None = None
    ) -> AsyncClusterConnection:
        """See `AsyncDriver.dedicated`."""
        return AsyncClusterConnection(self, self._open_link, client_name, longest)

    async def close(self) -> None:
        """See `AsyncDriver.close`."""
        for node in self._nodes.values():
            await node.close()

    async def owner(self, slot: int) -> Host:
        """See `ClusterDriver.owner`."""
        if not self._slots.known:
            await self._learn()
        return self._owner_known(slot)

    async def _settled(self, command: Command, reply: Any, host: Host) -> Any:
        if not isinstance(reply, ServerError) or reply.kind not in ("MOVED", "ASK"):
            return reply
        self.moved(reply, host)
        try:
            return await self.execute(command)
        except ConnectionFailed:
            raise
        except BullrushError as error:
            return error

    async def _asking(self, command: Command, host: Host) -> Any:
        reply = (await self._node(host).execute_many([("ASKING",), command]))[1]
        if isinstance(reply, BullrushError):
            raise reply
        return reply

    def _node(self, host: Host) -> SharedDriver:
        if host not in self._nodes:
            opener = partial(self._open_link, host=host[0], port=host[1])
            self._nodes[host] = SharedDriver(opener, self.location)
        return self._nodes[host]

    async def _learn(self) -> None:
        last: BullrushError | None = None
        for host in dict.fromkeys((*self._seeds, *self._nodes)):
            try:
                self._slots.learn(await self._node(host).execute(ASK_SLOTS), host)
                return
            except ConnectionFailed as error:
                last = error
            except ServerError as error:
                raise no_cluster(error, self.location) from None
        assert last is not None
        raise last


class AsyncClusterConnection:
    """See `AsyncConnection`. It stays where its first command led until the slot moves."""

    def __init__(
        self,
        driver: AsyncClusterDriver,
        open_link: OpenLink,
        client_name: str,
        longest: float | None,
    ) -> None:
        self._driver, self._open_link = driver, open_link
        self._client_name, self._longest = client_name, longest
        self._key: Argument | None = client_name if tag_of(client_name.encode()) else None
        self._host: Host | None = None
        self._inner: AsyncDedicatedConnection | None = None

    async def execute(self, command: Command) -> Any:
        """See `AsyncConnection.execute`."""
        for _ in range(REDIRECTIONS):
            inner = await self._at(command)
            try:
                return await inner.execute(command)
            except ConnectionFailed:
                self._driver.lost()
                await self._leave()
                raise
            except ServerError as error:
                assert self._host is not None
                if not self._driver.moved(error, self._host):
                    raise
                await self._leave()
        raise ConnectionFailed(f"the slots of {self._driver.location} keep moving")

    async def close(self) -> None:
        """See `AsyncConnection.close`."""
        await self._leave()

    async def _at(self, command: Command) -> AsyncDedicatedConnection:
        if self._inner is None:
            self._key = key_of(command) or self._key
            host = self._host = await self._driver.owner(self._driver.slot_for(self._key))
            opener = partial(self._open_link, host=host[0], port=host[1])
            self._inner = AsyncDedicatedConnection(opener, self._client_name, self._longest)
        return self._inner

    async def _leave(self) -> None:
        inner, self._inner = self._inner, None
        if inner is not None:
            await inner.close()
