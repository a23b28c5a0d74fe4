"""Which node of a Cluster a command goes to."""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Sequence
from typing import Any

from ..calls import Argument, Command
from ..errors import InvalidOption, ServerError
from .addresses import Host

COUNT = 16384
#: Commands that concern a server and no key.
_KEYLESS = frozenset(
    {"ACL", "ASKING", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DBSIZE", "FLUSHALL", "FLUSHDB"}
    | {"INFO", "LATENCY", "PING", "ROLE", "SCRIPT", "SLOWLOG", "TIME", "WAIT"}
)
#: Commands whose key comes after a second word.
_SECOND = frozenset(["XINFO", "XGROUP", "OBJECT", "MEMORY", "DEBUG"])


def slot_of(key: Argument) -> int:
    """The slot of a key: of its hash tag, if it has one."""
    data = key if isinstance(key, bytes) else str(key).encode()
    return crc_hqx(tag_of(data) or data, 0) % COUNT


def tag_of(key: bytes) -> bytes:
    """What stands between the first braces; empty when nothing does."""
    start = key.find(b"{") + 1
    return key[start : key.find(b"}", start)] if start and b"}" in key[start:] else b""


def key_of(command: Command) -> Argument | None:
    """The key that says where a command belongs, or None if that does not matter.

    Raises:
        InvalidOption: it uses several keys, which a Cluster would not keep together.
    """
    name = str(command[0])
    if name in ("EVALSHA", "EVAL"):
        return _tagged(command[3]) if int(command[2]) else None
    if name in ("XREAD", "XREADGROUP"):
        return command[list(command).index("STREAMS") + 1]
    if name == "SCAN":
        return _tagged(command[list(command).index("MATCH") + 1]) if "MATCH" in command else None
    if name in _KEYLESS:
        return None
    place = 2 if name in _SECOND else 1
    return command[place] if len(command) > place else None


def first_key(commands: Sequence[Command]) -> Argument | None:
    """The first key of several commands: those without one go there as well."""
    return next((key for key in map(key_of, commands) if key is not None), None)


def _tagged(key: Argument) -> Argument:
    data = key if isinstance(key, bytes) else str(key).encode()
    if not tag_of(data):
        prefix = data.decode(errors="replace").partition(":")[0]
        raise InvalidOption(
            f"on a Redis Cluster the keys of a queue must lie together: put the prefix {prefix!r} "
            f"into braces, as '{{{prefix}}}' (BULLRUSH_PREFIX), here and in Node"
        )
    return key


class SlotMap:
    """Who has which slot, as far as is known. Threads may share it: it is only replaced."""

    def __init__(self) -> None:
        self._owners: list[Host | None] = [None] * COUNT
        self.known = False

    def owner(self, slot: int) -> Host | None:
        """Where a slot is."""
        return self._owners[slot]

    def learn(self, reply: Any, asked: Host) -> None:
        """Take the reply of CLUSTER SLOTS.

        Args:
            asked: who gave it; it may not know its own name.
        """
        owners: list[Host | None] = [None] * COUNT
        for first, last, master, *_ in reply:
            host = (master[0] or b"").decode() or asked[0]
            owners[first : last + 1] = [(host, int(master[1]))] * (last + 1 - first)
        self._owners, self.known = owners, True

    def move(self, error: ServerError, asked: Host) -> None:
        """Take what a node says who knows better: MOVED, a slot, host:port."""
        _, slot, place, *_ = str(error).split(" ")
        self._owners[int(slot)] = _place(place, asked)

    def forget(self) -> None:
        """Ask again before the next command: a node is gone."""
        self.known = False


def asked_of(error: ServerError, asked: Host) -> Host:
    """Whom to ask, by ASK: a slot that is being moved."""
    return _place(str(error).split(" ")[2], asked)


def by_node(places: Sequence[Host]) -> dict[Host, list[int]]:
    """The positions of commands for each node."""
    groups: dict[Host, list[int]] = {}
    for position, place in enumerate(places):
        groups.setdefault(place, []).append(position)
    return groups


def _place(text: str, asked: Host) -> Host:
    host, _, port = text.rpartition(":")
    return (host.strip("[]") or asked[0], int(port))
