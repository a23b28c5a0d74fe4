"""A worker as the events tell of it."""

from __future__ import annotations

import logging
from bisect import insort
from collections.abc import Mapping
from time import time
from typing import Any

logger = logging.getLogger("celery.events.state")

#: Percent of the time between two heartbeats after which a worker counts as gone.
HEARTBEAT_EXPIRE_WINDOW = 200
#: s by which the clocks of two machines may differ before it is said.
HEARTBEAT_DRIFT_MAX = 16

_DRIFT = (
    "Substantial drift from %s may mean clocks are out of sync.  Current drift is %s seconds.  "
    "[orig: %s recv: %s]"
)


def heartbeat_expires(
    timestamp: float, freq: float = 60, expire_window: float = HEARTBEAT_EXPIRE_WINDOW
) -> float:
    """When a worker counts as gone, Unix s.

    Args:
        timestamp: of its last heartbeat.
        freq: s between two of them.
        expire_window: percent of that.
    """
    return timestamp + freq * (expire_window / 100)


class Worker:
    """What is known of a worker: the fields of its events, and when it was heard.

    Attributes:
        heartbeats: Unix s of the last four, the oldest first.
    """

    heartbeat_max = 4
    expire_window = HEARTBEAT_EXPIRE_WINDOW
    _fields = (
        "hostname",
        "pid",
        "freq",
        "heartbeats",
        "clock",
        "active",
        "processed",
        "loadavg",
        "sw_ident",
        "sw_ver",
        "sw_sys",
    )
    _told = frozenset(_fields) - {"heartbeats"}

    def __init__(
        self,
        hostname: str | None = None,
        pid: int | None = None,
        freq: float = 60,
        heartbeats: list[float] | None = None,
        clock: int = 0,
        active: int | None = None,
        processed: int | None = None,
        loadavg: Any = None,
        sw_ident: str | None = None,
        sw_ver: str | None = None,
        sw_sys: str | None = None,
    ) -> None:
        self.hostname, self.pid, self.freq = hostname, pid, freq
        self.heartbeats = [] if heartbeats is None else heartbeats
        self.clock = clock or 0
        self.active, self.processed, self.loadavg = active, processed, loadavg
        self.sw_ident, self.sw_ver, self.sw_sys = sw_ident, sw_ver, sw_sys

    def event(
        self,
        type_: str | None,
        timestamp: float | None = None,
        local_received: float | None = None,
        fields: Mapping[str, Any] | None = None,
        drift: Any = None,
    ) -> None:
        """Take in an event.

        Args:
            type_: what comes after ``worker-``; None for an event of a task.
            timestamp: when it happened, Unix s.
            local_received: when it was heard; that counts.
            fields: of the event.
        """
        self.update({name: value for name, value in (fields or {}).items() if name in self._told})
        if type_ == "offline":
            self.heartbeats.clear()
        elif timestamp and local_received:
            if abs(local_received - timestamp) > HEARTBEAT_DRIFT_MAX:
                gap = round(abs(local_received - timestamp))
                logger.warning(_DRIFT, self.hostname, gap, timestamp, local_received)
            self._beat(local_received)

    def _beat(self, moment: float) -> None:
        beats = self.heartbeats
        del beats[: max(0, len(beats) + 1 - self.heartbeat_max)]
        if not beats or moment > beats[-1]:
            beats.append(moment)
        else:
            insort(beats, moment)

    def update(self, f: Mapping[str, Any], **kw: Any) -> None:
        """Set these fields."""
        for name, value in {**f, **kw}.items():
            setattr(self, name, value)

    @property
    def heartbeat_expires(self) -> float:
        """When it counts as gone, Unix s."""
        return heartbeat_expires(self.heartbeats[-1], self.freq, self.expire_window)

    @property
    def alive(self) -> bool:
        """Whether it was heard lately."""
        return bool(self.heartbeats) and time() < self.heartbeat_expires

    @property
    def status_string(self) -> str:
        """``ONLINE`` or ``OFFLINE``."""
        return "ONLINE" if self.alive else "OFFLINE"

    @property
    def id(self) -> str:
        """Name and process."""
        return f"{self.hostname}.{self.pid}"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Worker):
            return self.hostname == other.hostname
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.hostname)

    def __repr__(self) -> str:
        return f"<Worker: {self.hostname} ({self.status_string} clock:{self.clock})"
