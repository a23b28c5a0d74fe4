"""The blocking driver of a Redis Cluster: a pooled driver for each node that is talked to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from ..calls import Argument, Command
from ..errors import BullrushError, ConnectionFailed, ServerError
from .addresses import Host
from .pooled import DedicatedConnection, OpenLink, PendingReply, PooledDriver
from .slots import SlotMap, asked_of, by_node, first_key, key_of, slot_of, tag_of

T = TypeVar("T")

#: How often a command follows to where its slot has moved.
REDIRECTIONS = 5
ASK_SLOTS = ("CLUSTER", "SLOTS")


class ClusterRouting:
    """What both drivers know of where keys are; they differ in how they ask.

    Args:
        seeds: nodes that are asked for the others.
        location: what errors may show of them.
    """

    volatile = False

    def __init__(self, seeds: Sequence[Host], location: str) -> None:
        self._seeds, self.location = tuple(seeds), location
        self._slots = SlotMap()
        self._home = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.location}>"

    def slot_for(self, key: Argument | None) -> int:
        """The slot of a key; without one, that of the last."""
        if key is not None:
            self._home = slot_of(key)
        return self._home

    def moved(self, error: BullrushError, host: Host) -> bool:
        """Take note of where a slot has moved; whether that is what the error says."""
        if isinstance(error, ServerError) and error.kind == "MOVED":
            self._slots.move(error, host)
            return True
        return False

    def lost(self) -> None:
        """A node is gone: ask for its successor before the next command."""
        self._slots.forget()

    def _owner_known(self, slot: int) -> Host:
        """The node that has a slot, by what was learned.

        Raises:
            ServerError: nobody has it.
        """
        host = self._slots.owner(slot)
        if host is None:
            self._slots.forget()
            raise ServerError(f"CLUSTERDOWN no node of {self.location} has slot {slot}")
        return host


class ClusterDriver(ClusterRouting):
    """See `Driver`. A command goes to the node of its key, one without a key to the node of the
    last command that had one.

    Args:
        open_link: opens a link to ``host`` and ``port``.
        seeds: nodes that are asked for the others.
    """

    own_server = False
    url = ""

    def __init__(
        self, open_link: OpenLink, seeds: Sequence[Host], location: str, *, watchable: bool
    ) -> None:
        super().__init__(seeds, location)
        self._open_link, self.watchable = open_link, watchable
        self._nodes: dict[Host, PooledDriver] = {}
        self._guard = threading.Lock()

    def execute(self, command: Command) -> Any:
        """See `Driver.execute`."""
        slot = self.slot_for(key_of(command))
        return self._following(slot, command, lambda node: node.execute(command))

    def begin(self, command: Command) -> ClusterReply:
        """See `Driver.begin`."""
        host = self.owner(self.slot_for(key_of(command)))
        try:
            return ClusterReply(self, command, host, self._node(host).begin(command))
        except ConnectionFailed:
            self._slots.forget()
            raise

    def execute_many(self, commands: Sequence[Command]) -> list[Any]:
        """See `Driver.execute_many`. One round trip for each node."""
        self.slot_for(first_key(commands))
        hosts = [self.owner(self.slot_for(key_of(command))) for command in commands]
        replies: list[Any] = [None] * len(commands)
        for host, places in by_node(hosts).items():
            try:
                said = self._node(host).execute_many([commands[place] for place in places])
            except ConnectionFailed:
                self._slots.forget()
                raise
            for place, reply in zip(places, said, strict=True):
                replies[place] = self._settled(commands[place], reply, host)
        return replies

    def dedicated(self, client_name: str = "", longest: float | None = None) -> ClusterConnection:
        """See `Driver.dedicated`."""
        return ClusterConnection(self, self._open_link, client_name, longest)

    def close(self) -> None:
        """See `Driver.close`."""
        with self._guard:
            nodes, self._nodes = self._nodes, {}
        for node in nodes.values():
            node.close()

    def owner(self, slot: int) -> Host:
        """The node that has a slot.

        Raises:
            ConnectionFailed: no node tells.
            ServerError: nobody has it.
        """
        if not self._slots.known:
            self._learn()
        return self._owner_known(slot)

    def _following(self, slot: int, command: Command, send: Callable[[PooledDriver], Any]) -> Any:
        error: BullrushError | None = None
        for _ in range(REDIRECTIONS):
            host = self.owner(slot)
            try:
                return send(self._node(host))
            except ConnectionFailed:
                self._slots.forget()
                raise
            except ServerError as caught:
                error = caught
                if caught.kind == "ASK":
                    return self._asking(command, asked_of(caught, host))
                if not self.moved(caught, host):
                    raise
        raise ConnectionFailed(f"the slots of {self.location} keep moving: {error}")

    def _settled(self, command: Command, reply: Any, host: Host) -> Any:
        """A reply of several; the right node's for a command that this one did not run."""
        if not isinstance(reply, ServerError) or reply.kind not in ("MOVED", "ASK"):
            return reply
        self.moved(reply, host)
        try:
            return self.execute(command)
        except ConnectionFailed:
            raise
        except BullrushError as error:
            return error

    def _asking(self, command: Command, host: Host) -> Any:
        reply = self._node(host).execute_many([("ASKING",), command])[1]
        if isinstance(reply, BullrushError):
            raise reply
        return reply

    def _node(self, host: Host) -> PooledDriver:
        node = self._nodes.get(host)
        if node is None:
            with self._guard:
                opener = partial(self._open_link, host=host[0], port=host[1])
                node = self._nodes.setdefault(host, PooledDriver(opener, self.location))
        return node

    def _learn(self) -> None:
        last: BullrushError | None = None
        for host in dict.fromkeys((*self._seeds, *self._nodes)):
            try:
                self._slots.learn(self._node(host).execute(ASK_SLOTS), host)
                return
            except ConnectionFailed as error:
                last = error
            except ServerError as error:
                raise no_cluster(error, self.location) from None
        assert last is not None
        raise last


class ClusterReply:
    """See `Pending`."""

    def __init__(
        self, driver: ClusterDriver, command: Command, host: Host, pending: PendingReply
    ) -> None:
        self._driver, self._command, self._host, self._pending = driver, command, host, pending

    def wait(self) -> Any:
        """See `Pending.wait`."""
        try:
            return self._pending.wait()
        except ConnectionFailed:
            self._driver.lost()
            raise
        except ServerError as error:
            if not self._driver.moved(error, self._host) and error.kind != "ASK":
                raise
        return self._driver.execute(self._command)


class ClusterConnection:
    """See `Connection`. It stays where its first command led until the slot moves."""

    def __init__(
        self,
        driver: ClusterDriver,
        open_link: OpenLink,
        client_name: str,
        longest: float | None,
    ) -> None:
        self._driver, self._open_link = driver, open_link
        self._client_name, self._longest = client_name, longest
        #: A name begins with the prefix, whose tag tells the slot before any command does.
        self._key: Argument | None = client_name if tag_of(client_name.encode()) else None
        self._host: Host | None = None
        self._inner: DedicatedConnection | None = None
        self._closed = threading.Event()

    def execute(self, command: Command) -> Any:
        """See `Connection.execute`."""
        for _ in range(REDIRECTIONS):
            inner = self._at([command])
            try:
                return inner.execute(command)
            except ConnectionFailed:
                self._leave()
                raise
            except ServerError as error:
                if not self._strayed(error):
                    raise
        raise ConnectionFailed(f"the slots of {self._driver.location} keep moving")

    def send(self, commands: Sequence[Command]) -> None:
        """See `Connection.send`."""
        inner = self._at(commands)
        try:
            inner.send(commands)
        except ConnectionFailed:
            self._leave()
            raise

    def receive(self, count: int) -> list[Any]:
        """See `Connection.receive`. A slot that has moved looks like one that moves: the sender
        tries again.
        """
        inner = self._inner
        if inner is None:
            raise self._gone()
        try:
            replies = inner.receive(count)
        except ConnectionFailed:
            self._leave()
            raise
        return [self._understood(reply) for reply in replies]

    def fileno(self) -> int:
        """See `Connection.fileno`."""
        if self._inner is None:
            raise self._gone()
        return self._inner.fileno()

    def close(self) -> None:
        """See `Connection.close`."""
        self._closed.set()
        if self._inner is not None:
            self._inner.close()

    def _at(self, commands: Sequence[Command]) -> DedicatedConnection:
        inner = self._inner
        if inner is None:
            self._key = first_key(commands) or self._key
            host = self._host = self._driver.owner(self._driver.slot_for(self._key))
            opener = partial(self._open_link, host=host[0], port=host[1])
            inner = self._inner = DedicatedConnection(
                opener, self._client_name, self._driver.location, self._longest
            )
        # Another thread may have closed it before the connection was there to be closed.
        if self._closed.is_set():
            inner.close()
        return inner

    def _strayed(self, error: ServerError) -> bool:
        assert self._host is not None
        if not self._driver.moved(error, self._host):
            return False
        self._leave(known=True)
        return True

    def _understood(self, reply: Any) -> Any:
        if not isinstance(reply, ServerError) or reply.kind not in ("MOVED", "ASK"):
            return reply
        if self._host is not None:
            self._strayed(reply)
        return ServerError(f"TRYAGAIN {reply}")

    def _leave(self, *, known: bool = False) -> None:
        if not known:
            self._driver.lost()
        inner, self._inner = self._inner, None
        if inner is not None:
            inner.close()

    def _gone(self) -> ConnectionFailed:
        return ConnectionFailed(f"the connection to Redis at {self._driver.location} was closed")


def no_cluster(error: ServerError, location: str) -> ServerError:
    """What is wrong when a node does not tell of slots."""
    if "cluster support disabled" in str(error):
        return ServerError(
            f"{error}; {location} is one server: use redis:// and leave REDIS_CLUSTER_MODE away"
        )
    return error
