"""What a parent and its children keep of each other in Redis."""

from __future__ import annotations

from typing import Any

from bullrush.core import FlowJob, Queue
from tests.support.stored import Stored


def with_id(job_id: str, queue: Stored, *children: FlowJob, **options: Any) -> FlowJob:
    """A job of a flow, named as its id."""
    options["job_id"] = job_id
    return FlowJob(job_id, queue.keys.queue, options=options, children=children)


def kin(stored: Stored, job_id: str, part: str = "dependencies") -> set[str]:
    """The keys in `dependencies` or `unsuccessful` of a job."""
    key = stored.keys.job_part(job_id, part)
    command = ("SMEMBERS", key) if part == "dependencies" else ("ZRANGE", key, 0, -1)
    return {each.decode() for each in stored.run(*command)}


def returned(stored: Stored, job_id: str, part: str = "processed") -> dict[str, str]:
    """The hash `processed` or `failed` of a job."""
    flat = [each.decode() for each in stored.run("HGETALL", stored.keys.job_part(job_id, part))]
    return dict(zip(flat[::2], flat[1::2], strict=True))


_READS: dict[bytes, tuple[Any, ...]] = {
    b"string": ("GET", "{}"),
    b"list": ("LRANGE", "{}", 0, -1),
    b"set": ("SMEMBERS", "{}"),
    b"hash": ("HGETALL", "{}"),
    b"zset": ("ZRANGE", "{}", 0, -1, "WITHSCORES"),
    b"stream": ("XRANGE", "{}", "-", "+"),
}


def everything(*places: Stored) -> dict[str, Any]:
    """Every key of the queues with its value: equal before and after when nothing was written."""
    return {
        place.keys.base + key: _value(place, place.keys.base + key)
        for place in places
        for key in place.all_keys()
    }


def _value(place: Stored, key: str) -> Any:
    kind = place.run("TYPE", key)
    value = place.run(*(key if part == "{}" else part for part in _READS[kind]))
    if kind in (b"hash", b"zset"):
        return dict(zip(value[::2], value[1::2], strict=True))
    return set(value) if kind == b"set" else value


def queue_of(place: Stored) -> Queue:
    """The queue whose keys those are; it shares the connection."""
    return Queue(place.keys.queue, driver=place.driver)
