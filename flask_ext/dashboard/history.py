"""How many jobs ended in each stretch of the last hour, day or week.

Workers with the option `metrics` have counted them. Of other queues the jobs that are still there
are counted by the time they ended, so those that were removed at once are not seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bullrush.core.calls import Command
from bullrush.core.errors import BullrushError
from bullrush.core.keys import METRICS_FIELDS, QueueKeys
from bullrush.core.snapshot import QueueSnapshot

KINDS = ("completed", "failed")
_MINUTE = 60_000
_METER = tuple(METRICS_FIELDS[name] for name in ("count", "prev_ts", "prev_count"))


@dataclass(frozen=True)
class Window:
    """So many buckets of so many minutes each."""

    label: str
    minutes: int
    buckets: int

    @property
    def span(self) -> int:
        """Minutes in all."""
        return self.minutes * self.buckets

    def first_minute(self, now: int) -> int:
        """The minute, counted from 1970, at which the oldest bucket begins; the running one is in
        the newest.
        """
        last = now // _MINUTE // self.minutes
        return (last - self.buckets + 1) * self.minutes

    def starts(self, now: int) -> list[int]:
        """Unix ms at which each bucket begins, oldest first."""
        first = self.first_minute(now)
        return [(first + index * self.minutes) * _MINUTE for index in range(self.buckets)]


#: Name in a URL -> the window.
WINDOWS = {
    "1h": Window("1 h", 1, 60),
    "24h": Window("24 h", 20, 72),
    "7d": Window("7 d", 120, 84),
}


@dataclass(frozen=True)
class Series:
    """Jobs that ended in each bucket of a window, oldest first."""

    completed: tuple[int, ...]
    failed: tuple[int, ...]


def commands_for(queue: QueueSnapshot, prefix: str, window: Window, now: int) -> list[Command]:
    """What to ask of a queue; the replies go to `read_series` in this order."""
    keys = QueueKeys(queue.name, prefix)
    commands: list[Command] = []
    for kind in KINDS:
        if queue.completed_total is not None or queue.failed_total is not None:
            commands.append(("HMGET", getattr(keys, f"metrics_{kind}"), *_METER))
            minutes = getattr(keys, f"metrics_{kind}_data")
            commands.append(("LRANGE", minutes, 0, window.span - 1))
        elif queue.counts.get(kind):
            step = window.minutes * _MINUTE
            for start in window.starts(now):
                commands.append(("ZCOUNT", getattr(keys, kind), start, f"({start + step}"))
    return commands


def read_series(queue: QueueSnapshot, replies: Iterator[Any], window: Window, now: int) -> Series:
    """What the replies to `commands_for` say. What cannot be read counts as nothing."""
    found: dict[str, tuple[int, ...]] = {}
    for kind in KINDS:
        if queue.completed_total is not None or queue.failed_total is not None:
            found[kind] = _metered(next(replies), next(replies), window, now)
        elif queue.counts.get(kind):
            found[kind] = tuple(_whole(next(replies)) for _ in range(window.buckets))
        else:
            found[kind] = (0,) * window.buckets
    return Series(found["completed"], found["failed"])


def summed(series: Sequence[Series], window: Window) -> Series:
    """Several queues as one."""
    empty = (0,) * window.buckets
    return Series(
        *(
            tuple(map(sum, zip(empty, *(getattr(each, kind) for each in series), strict=True)))
            for kind in KINDS
        )
    )


def _metered(meter: Any, data: Any, window: Window, now: int) -> tuple[int, ...]:
    """The minutes that workers counted, in the buckets of a window. A job that opens a minute is
    counted in the one before (protocol 11), and the open one ends now.
    """
    if isinstance(meter, BullrushError) or isinstance(data, BullrushError):
        return (0,) * window.buckets
    count, closed, before = (_whole(each) for each in meter)
    newest, first = closed // _MINUTE, window.first_minute(now)
    minutes = {newest - 1 - index: _whole(each) for index, each in enumerate(data)}
    minutes[newest] = max(0, count - before)
    buckets = [0] * window.buckets
    for minute, number in minutes.items():
        index = (minute - first) // window.minutes
        if 0 <= index < window.buckets:
            buckets[index] += number
    return tuple(buckets)


def _whole(value: Any) -> int:
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return 0


class Gauges:
    """What nobody stores, remembered for an hour while somebody looks: the highest value of each
    minute.
    """

    def __init__(self, minutes: int = 60) -> None:
        self._minutes = minutes
        self._values: dict[str, dict[int, float]] = {}

    def note(self, now: int, values: Mapping[str, float]) -> None:
        """Take a sample at that time, Unix ms."""
        minute = now // _MINUTE
        for name, value in values.items():
            kept = self._values.setdefault(name, {})
            kept[minute] = max(kept.get(minute, 0), value)
            for old in [each for each in kept if each <= minute - self._minutes]:
                del kept[old]

    def series(self, name: str, now: int) -> list[float]:
        """The values, oldest first; a minute without a sample has that of the one before."""
        kept, minute, last = self._values.get(name, {}), now // _MINUTE, 0.0
        found = []
        for each in range(minute - self._minutes + 1, minute + 1):
            last = kept.get(each, last)
            found.append(last)
        return found
