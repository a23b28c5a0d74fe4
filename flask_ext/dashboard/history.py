"""How many jobs ended in each stretch of the last hour, day, week or quarter.

Workers with the option `metrics` have counted them; others of the same queue need not have. The
jobs that are still there are counted by the time they ended, so those that were removed at once are
not seen. These two may put a job into different minutes, so the one with more jobs is taken whole.
For more than an hour there is also what our workers with the option `measure` have added up. Each
of these may miss some jobs and none counts one twice, so the largest number is the best.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bullrush.core.calls import Command
from bullrush.core.errors import BullrushError
from bullrush.core.history import DAY, KINDS, QUARTER, STORED, WEEK, Window
from bullrush.core.keys import METRICS_FIELDS, QueueKeys
from bullrush.core.snapshot import QueueSnapshot

_MINUTE = 60_000
_METER = tuple(METRICS_FIELDS[name] for name in ("count", "prev_ts", "prev_count"))


#: Name in a URL -> the window.
WINDOWS = {"1h": Window(1, 60), "24h": DAY, "7d": WEEK, "90d": QUARTER}


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
        if queue.counts.get(kind):
            step = window.minutes * _MINUTE
            for start in window.starts(now):
                commands.append(("ZCOUNT", getattr(keys, kind), start, f"({start + step}"))
        if window in STORED:
            commands.append(("HMGET", keys.history, *window.fields(kind, now)))
    return commands


def read_series(queue: QueueSnapshot, replies: Iterator[Any], window: Window, now: int) -> Series:
    """What the replies to `commands_for` say. What cannot be read counts as nothing."""
    found: dict[str, tuple[int, ...]] = {}
    for kind in KINDS:
        sources = [(0,) * window.buckets]
        if queue.completed_total is not None or queue.failed_total is not None:
            sources.append(_metered(next(replies), next(replies), window, now))
        if queue.counts.get(kind):
            sources.append(tuple(_whole(next(replies)) for _ in range(window.buckets)))
        found[kind] = max(sources, key=sum)
        if window in STORED:
            found[kind] = _larger(found[kind], next(replies))
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


def _larger(one: tuple[int, ...], stored: Any) -> tuple[int, ...]:
    """The larger number of each bucket."""
    if isinstance(stored, BullrushError):
        return one
    return tuple(max(each, _whole(other)) for each, other in zip(one, stored, strict=True))


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
