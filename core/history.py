"""How many jobs ended in each stretch of the last day, week and quarter: what our workers add up in
one small private hash for each queue. Pure.

Workers with the option `metrics` count minutes, as Node's do, and Redis keeps as many of those as
they say. These counts are kept beside that by workers with the option `measure`, coarser and for
longer: 492 numbers for each queue at most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: What became of jobs.
KINDS = ("completed", "failed")
_MINUTE = 60_000
#: ms that the counts of a queue live after the last one.
KEPT_MS = 91 * 24 * 3_600_000


@dataclass(frozen=True)
class Window:
    """So many buckets of so many minutes each."""

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
        return (self.newest(now) - self.buckets + 1) * self.minutes

    def newest(self, now: int) -> int:
        """The number of the running bucket, counted from 1970."""
        return now // _MINUTE // self.minutes

    def starts(self, now: int) -> list[int]:
        """Unix ms at which each bucket begins, oldest first."""
        first = self.first_minute(now)
        return [(first + index * self.minutes) * _MINUTE for index in range(self.buckets)]

    def fields(self, kind: str, now: int) -> list[str]:
        """The field of each bucket in the stored hash, oldest first."""
        newest = self.newest(now)
        oldest = newest - self.buckets + 1
        return [f"{kind}:{self.minutes}:{number}" for number in range(oldest, newest + 1)]


DAY, WEEK, QUARTER = Window(20, 72), Window(120, 84), Window(1440, 90)
#: What is stored.
STORED = (DAY, WEEK, QUARTER)


def grown(ended: Mapping[str, int], now: int) -> Counter[str]:
    """Fields of the stored hash, and by how much each grows.

    Args:
        ended: kind -> jobs that ended since the last time.
        now: Unix ms.
    """
    found: Counter[str] = Counter()
    for kind in KINDS:
        if ended.get(kind):
            for window in STORED:
                found[f"{kind}:{window.minutes}:{window.newest(now)}"] = ended[kind]
    return found


def outdated(fields: Sequence[bytes], now: int) -> list[bytes]:
    """The fields that no window reaches any more, and those that nobody knows."""
    kept = {field.encode() for kind in KINDS for each in STORED for field in each.fields(kind, now)}
    return [field for field in fields if field not in kept]
