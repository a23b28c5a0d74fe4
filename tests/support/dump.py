"""All of a server, to compare."""

from __future__ import annotations

from typing import Any

from bullrush.core.drivers import Driver

_READS: dict[bytes, tuple[Any, ...]] = {
    b"string": ("GET",),
    b"hash": ("HGETALL",),
    b"set": ("SMEMBERS",),
    b"list": ("LRANGE", 0, -1),
    b"zset": ("ZRANGE", 0, -1, "WITHSCORES"),
    b"stream": ("XRANGE", "-", "+"),
    b"none": ("GET",),  # it has ended meanwhile
}


def dump(driver: Driver, pattern: str) -> dict[bytes, tuple[bytes, Any]]:
    """Key -> type and value, of every key of that pattern. Keys that end by themselves, such as
    locks, are left out: they may do so while a test runs, and other tests leave some behind.
    """
    keys = sorted(driver.execute(("KEYS", pattern)))
    types = [_bytes(each) for each in driver.execute_many([("TYPE", key) for key in keys])]
    ends = driver.execute_many([("PTTL", key) for key in keys])
    reads = [
        (_READS[kind][0], key, *_READS[kind][1:]) for key, kind in zip(keys, types, strict=True)
    ]
    values = driver.execute_many(reads)
    return {
        key: (kind, _plain(kind, value))
        for key, kind, value, end in zip(keys, types, values, ends, strict=True)
        if end == -1
    }


def _bytes(text: Any) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode()


def _plain(kind: bytes, value: Any) -> Any:
    if kind == b"hash":
        return dict(zip(value[::2], value[1::2], strict=True))
    return sorted(value) if kind == b"set" else value
