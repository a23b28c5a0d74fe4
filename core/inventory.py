"""Which keys there are under a prefix, found without holding Redis up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .calls import Call, Steps, run_steps
from .drivers import Driver
from .errors import BullrushError
from .keys import QUEUE_KEYS, key_pattern, split_key

#: What tells the size of a key of each type.
_SIZE = {"list": "LLEN", "zset": "ZCARD", "set": "SCARD", "hash": "HLEN", "stream": "XLEN"}
_OWN = frozenset(QUEUE_KEYS.values())
_CHUNK = 500


@dataclass(frozen=True)
class KeyEntry:
    """A key of a queue itself.

    Args:
        key: its full name.
        kind: its type in Redis: list, zset, hash, stream, string.
        size: how many elements; bytes of a string.
    """

    key: str
    kind: str
    size: int


@dataclass
class Inventory:
    """The keys of one queue.

    Args:
        name: the queue's; empty for private keys of no queue.
        own: the queue's own keys.
        others: how many keys there are of its jobs, their logs, schedulers and the like.
    """

    name: str
    own: list[KeyEntry] = field(default_factory=list)
    others: int = 0


def take_inventory(driver: Driver, prefix: str, queue: str | None = None) -> list[Inventory]:
    """The keys under a prefix, by queue. Uses SCAN; costs a round trip for every thousand keys.

    Args:
        queue: only this one's.

    Raises:
        ConnectionFailed: Redis did not answer.
    """
    return run_steps(driver, _take(driver, prefix, queue))


def _take(driver: Driver, prefix: str, queue: str | None) -> Steps[list[Inventory]]:
    names, others = set[str](), Counter[str]()
    cursor = b"0"
    while True:
        scan = ("SCAN", cursor, "MATCH", key_pattern(prefix, queue), "COUNT", 1000)
        cursor, keys = yield Call(scan, list)
        for raw in keys:
            key = raw.decode("utf-8", "replace")
            name, rest = split_key(key, prefix)
            if name and rest in _OWN:
                names.add(key)
            else:
                others[name] += 1
        if cursor == b"0":
            break
    found = {name: Inventory(name, others=count) for name, count in others.items()}
    for entry in _measured(driver, sorted(names)):
        name, _ = split_key(entry.key, prefix)
        found.setdefault(name, Inventory(name)).own.append(entry)
    return [found[name] for name in sorted(found)]


def _measured(driver: Driver, keys: list[str]) -> Iterable[KeyEntry]:
    for first in range(0, len(keys), _CHUNK):
        chunk = keys[first : first + _CHUNK]
        kinds = [each.decode() for each in driver.execute_many([("TYPE", key) for key in chunk])]
        sizes: list[Any] = driver.execute_many(
            [(_SIZE.get(kind, "STRLEN"), key) for key, kind in zip(chunk, kinds, strict=True)]
        )
        for key, kind, size in zip(chunk, kinds, sizes, strict=True):
            if kind != "none" and not isinstance(size, BullrushError):
                yield KeyEntry(key, kind, int(size))
