"""What Redis says of itself, as far as it is a danger to jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bullrush.core.calls import Command
from bullrush.core.drivers import Driver
from bullrush.core.errors import BullrushError

_SECTIONS = ("server", "memory", "persistence", "clients", "stats", "replication")


@dataclass(frozen=True)
class ServerState:
    """A Redis; None where it does not say.

    Args:
        location: without user and password.
        volatile: whether the data ends with the process.
        version: of the server.
        role: ``master`` or ``slave``.
        uptime: s.
        memory, memory_peak, memory_limit: bytes; a limit of 0 is none.
        eviction: the policy when memory is full.
        evicted: keys that were thrown away since it started.
        append_only: whether it writes its append-only file.
        clients, blocked: connections, and those that wait for a key.
        per_second: commands.
    """

    location: str = ""
    volatile: bool = False
    version: str | None = None
    role: str | None = None
    uptime: int | None = None
    memory: int | None = None
    memory_peak: int | None = None
    memory_limit: int | None = None
    eviction: str | None = None
    evicted: int | None = None
    append_only: bool | None = None
    clients: int | None = None
    blocked: int | None = None
    per_second: int | None = None


NO_ANSWER = ServerState()


#: What is asked of it; the replies go to `server_state`.
COMMANDS: tuple[Command, ...] = tuple(("INFO", section) for section in _SECTIONS)


def read_server(driver: Driver) -> ServerState:
    """Ask in one round trip. What may not be asked stays unknown.

    Raises:
        ConnectionFailed: Redis did not answer.
    """
    return server_state(driver, driver.execute_many(COMMANDS))


def server_state(driver: Driver, replies: Sequence[Any]) -> ServerState:
    """What the replies to `COMMANDS` say."""
    said: dict[str, str] = {}
    for reply in replies:
        said |= _pairs(reply)
    append_only = said.get("aof_enabled")
    return ServerState(
        location=driver.location,
        volatile=driver.volatile,
        version=said.get("valkey_version") or said.get("redis_version"),
        role=said.get("role"),
        uptime=_whole(said.get("uptime_in_seconds")),
        memory=_whole(said.get("used_memory")),
        memory_peak=_whole(said.get("used_memory_peak")),
        memory_limit=_whole(said.get("maxmemory")),
        eviction=said.get("maxmemory_policy"),
        evicted=_whole(said.get("evicted_keys")),
        append_only=None if append_only is None else append_only == "1",
        clients=_whole(said.get("connected_clients")),
        blocked=_whole(said.get("blocked_clients")),
        per_second=_whole(said.get("instantaneous_ops_per_sec")),
    )


def _pairs(reply: Any) -> dict[str, str]:
    if isinstance(reply, BullrushError) or not isinstance(reply, bytes):
        return {}
    rows = (row.partition(":") for row in reply.decode("utf-8", "replace").splitlines())
    return {name: value for name, colon, value in rows if colon}


def _whole(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
