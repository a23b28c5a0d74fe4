"""When a queue needs somebody's attention: two limits for each number, and what is above them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, TypedDict

from .errors import InvalidOption
from .options import check_names
from .queue import Queue
from .snapshot import QueueSnapshot

#: (warning above, critical above); None: not judged.
Limits = tuple[float, float] | None
#: The settings of all queues that have none of their own.
EVERY = "*"


class Level(IntEnum):
    """How bad it is; the exit code of ``bullrush health``."""

    OK = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True)
class Thresholds:
    """Limits of one queue: a warning above the first number, critical above the second, None for
    what is not to be judged.

    Args:
        waiting: jobs that may start.
        failed: failed jobs that are kept.
        active: times the slots of all live workers. One worker cannot have more jobs than slots, so
            this tells of workers that were lost. Not judged beside workers of Node, whose slots
            nobody knows.
        delayed: jobs that wait for their time. None for queues of timers.
        oldest_waiting: s that the oldest job has waited.
        overdue: s for which a delayed job has been due.
    """

    waiting: Limits = (100, 1000)
    failed: Limits = (10, 100)
    active: Limits = (2, 5)
    delayed: Limits = (50, 500)
    oldest_waiting: Limits = None
    overdue: Limits = None


@dataclass(frozen=True)
class Finding:
    """Something that is above a limit.

    Args:
        queue: the queue.
        level: how bad.
        what: the name of the number, as in `Thresholds`.
        value: the number.
        limit: what it is above.
    """

    queue: str
    level: Level
    what: str
    value: float
    limit: float

    def __str__(self) -> str:
        numbers = f"{_number(self.value)} > {_number(self.limit)}"
        return f"{self.level.name.lower()}: {self.queue}: {self.what} {numbers}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        found = {"queue": self.queue, "level": self.level.name.lower(), "what": self.what}
        return {**found, "value": self.value, "limit": self.limit}


def judge(
    snapshots: Iterable[QueueSnapshot], thresholds: Mapping[str, Thresholds | None]
) -> list[Finding]:
    """Everything that is above its limit, the worst first.

    Args:
        snapshots: how the queues stand.
        thresholds: queue -> its limits, None for a queue that is not judged; those of ``*`` hold
            for all others.
    """
    default = thresholds.get(EVERY, Thresholds())
    found = []
    for each in snapshots:
        limits = thresholds.get(each.name, default)
        if limits is not None:
            found += _judge_one(each, limits)
    return sorted(found, key=lambda finding: (-finding.level, finding.queue))


def worst(findings: Iterable[Finding]) -> Level:
    """The level of all of them together."""
    return max((each.level for each in findings), default=Level.OK)


def thresholds_of(config: Mapping[str, Any]) -> dict[str, Thresholds | None]:
    """Thresholds as settings have them: ``{"*": {"delayed": None}, "mail": {"waiting": (5, 50)},
    "timers": None}``. A queue's own limits go over those of ``*``.

    Raises:
        InvalidOption: an unknown name, or limits that are none.
    """
    every = _own(config.get(EVERY, {}), Thresholds(), EVERY)
    base = every or Thresholds()
    return {queue: _own(own, base, queue) for queue, own in {EVERY: {}, **config}.items()}


class QueueHealth(TypedDict):
    """What `check_queue_health` gives."""

    healthy: bool
    stats: dict[str, int]


def check_queue_health(queue: Queue, max_failed: int = 100, max_waiting: int = 1000) -> QueueHealth:
    """Whether fewer jobs have failed and fewer wait, with a priority or without, than those
    numbers, and how many jobs are in each state.

    Raises:
        ConnectionFailed: Redis did not answer.
    """
    stats = queue.get_job_counts()
    waiting = stats["waiting"] + stats["prioritized"]
    healthy = stats["failed"] < max_failed and waiting < max_waiting
    return {"healthy": healthy, "stats": stats}


def _judge_one(snapshot: QueueSnapshot, thresholds: Thresholds) -> list[Finding]:
    if snapshot.broken is not None:
        return [Finding(snapshot.name, Level.CRITICAL, "broken", 1, 0)]
    found = []
    for what, value, unit in _numbers(snapshot):
        limits = getattr(thresholds, what)
        if limits is None or value is None:
            continue
        for level, limit in zip((Level.CRITICAL, Level.WARNING), reversed(limits), strict=True):
            if value > limit * unit:
                found.append(Finding(snapshot.name, level, what, value, limit * unit))
                break
    return found


def _numbers(snapshot: QueueSnapshot) -> Iterable[tuple[str, float | None, int]]:
    """Name, value, and what a limit counts in."""
    counts = snapshot.counts
    yield "waiting", snapshot.waiting, 1
    yield "failed", counts["failed"], 1
    yield "active", None if snapshot.other_workers else counts["active"], snapshot.slots
    yield "delayed", counts["delayed"], 1
    yield "oldest_waiting", snapshot.oldest_waiting, 1
    yield "overdue", snapshot.overdue, 1


def _own(own: Any, base: Thresholds, queue: str) -> Thresholds | None:
    if own is None:
        return None
    if not isinstance(own, Mapping):
        raise InvalidOption(f"the thresholds of {queue!r} are a dict or None, not {own!r}")
    names = tuple(field.name for field in fields(Thresholds))
    check_names(own, names, f"threshold of {queue!r}")
    limits = {name: getattr(base, name) for name in names}
    return Thresholds(**limits | {name: _limits(name, value) for name, value in own.items()})


def _limits(name: str, value: Any) -> Limits:
    if value is None:
        return None
    numbers = value if isinstance(value, (tuple, list)) else ()
    known = [each for each in numbers if isinstance(each, (int, float))]
    if len(numbers) != 2 or len(known) != 2 or not 0 <= known[0] <= known[1]:
        raise InvalidOption(
            f"the threshold {name!r} is (warning above, critical above) or None, not {value!r}"
        )
    return known[0], known[1]


def _number(value: float) -> str:
    return f"{value:g}" if value < 1e6 else f"{value:.0f}"
