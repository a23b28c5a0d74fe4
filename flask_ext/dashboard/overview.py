"""What the first page says, from one reading. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bullrush.core.snapshot import QueueSnapshot
from bullrush.core.thresholds import Finding, Level, worst

from ..words import age, clock, count, short
from .collector import Reading
from .history import Series

#: s after which jobs that no worker takes are worth a warning.
PATIENCE = 5.0
#: So many queues in trouble are told of one by one; of the others, how many they are.
ONE_BY_ONE = 4
#: The orders of the table; the first is the default.
ORDERS = ("trouble", "name", "oldest", "waiting", "failed")

_EVICTING = (
    "Redis may throw jobs away when its memory is full (maxmemory-policy {}): use noeviction"
)
_NO_AOF = (
    "Redis keeps no append-only file (appendonly no): what was added since its last save is lost "
    "when it stops"
)
_VOLATILE = "All queues are in the memory of this process and end with it"


@dataclass(frozen=True)
class Number:
    """One of the five at the top.

    Args:
        key: a word for the style.
        label, value: as they are shown.
        note: a short remark.
        values: its last hour.
        page, query: where it leads.
    """

    key: str
    label: str
    value: str
    note: str
    values: Sequence[float]
    page: str = ""
    query: str = ""


@dataclass(frozen=True)
class Banner:
    """Something is wrong. `level` is ``critical`` or ``warn``."""

    level: str
    text: str
    queue: str | None = None


@dataclass(frozen=True)
class Row:
    """One queue of the table."""

    queue: QueueSnapshot
    series: Series
    level: str
    badges: tuple[tuple[str, str], ...]

    @property
    def per_minute(self) -> int:
        """Jobs that ended in the last whole minute."""
        return sum(self.series.completed[-2:-1]) + sum(self.series.failed[-2:-1])

    @property
    def fail_percent(self) -> float | None:
        """Of the jobs that ended in the last hour; None when none did."""
        failed, ended = sum(self.series.failed), sum(self.series.failed + self.series.completed)
        return failed / ended * 100 if ended else None


def numbers(reading: Reading) -> list[Number]:
    """The five numbers."""
    total, gauges = reading.total, reading.gauges
    oldest = max(reading.queues, key=lambda queue: queue.oldest_waiting or 0, default=None)
    where = oldest.name if oldest is not None and oldest.oldest_waiting is not None else ""
    busy = sum(queue.counts["active"] for queue in reading.queues)
    slots = int(gauges.get("slots", [0])[-1])
    return [
        Number(
            "done",
            "done / min",
            short(_last(total.completed)),
            _hour(total.completed),
            total.completed,
        ),
        Number(
            "failed",
            "failed / min",
            short(_last(total.failed)),
            _hour(total.failed),
            total.failed,
            "errors",
        ),
        Number(
            "waiting",
            "waiting",
            short(sum(queue.waiting for queue in reading.queues)),
            f"{short(sum(queue.counts['delayed'] for queue in reading.queues))} delayed",
            gauges.get("waiting", []),
        ),
        Number(
            "oldest",
            "oldest waiting",
            age(oldest.oldest_waiting if where and oldest else None),
            where,
            gauges.get("oldest", []),
            "queue" if where else "",
            where,
        ),
        Number(
            "busy",
            "busy / slots",
            f"{short(busy)} / {short(slots or None)}",
            _workers(reading),
            gauges.get("busy", []),
            "workers",
        ),
    ]


def _workers(reading: Reading) -> str:
    ours = len({each.id for queue in reading.queues for each in queue.workers})
    others = max((queue.other_workers for queue in reading.queues), default=0)
    text = f"{ours} Python" if ours or not others else ""
    return ", ".join(filter(None, (text, "Node" if others else "")))


def _last(values: Sequence[int]) -> int:
    """Of the last whole minute; the running one is not over."""
    return values[-2] if len(values) > 1 else 0


def _hour(values: Sequence[int]) -> str:
    return f"{short(sum(values))} in 1 h"


def rows(reading: Reading, order: str = ORDERS[0], find: str = "") -> list[Row]:
    """The queues of the table."""
    none = Series((0,) * 60, (0,) * 60)
    found = [
        Row(
            queue,
            reading.series.get(queue.name, none),
            level_of(queue, reading.findings),
            badges(queue),
        )
        for queue in reading.queues
        if find.lower() in queue.name.lower()
    ]
    return sorted(found, key=lambda row: (_rank(row, order), row.queue.name.lower()))


def _rank(row: Row, order: str) -> tuple[float, ...]:
    longest = -(row.queue.oldest_waiting or -1)
    ranks: dict[str, tuple[float, ...]] = {
        "trouble": (("critical", "warn", "ok").index(row.level), longest),
        "oldest": (longest,),
        "waiting": (-row.queue.waiting,),
        "failed": (-row.queue.counts["failed"],),
    }
    return ranks.get(order, ())


def level_of(queue: QueueSnapshot, findings: Sequence[Finding] = ()) -> str:
    """``critical``, ``warn`` or ``ok``.

    Args:
        queue: how it stands.
        findings: what is above its limit in all queues.
    """
    level = worst(each for each in findings if each.queue == queue.name)
    if queue.broken or _abandoned(queue) or level is Level.CRITICAL:
        return "critical"
    return "warn" if level is Level.WARNING else "ok"


def _abandoned(queue: QueueSnapshot) -> bool:
    """Whether jobs wait and nobody is there to take them."""
    waits = max(queue.oldest_waiting or 0, queue.overdue or 0) > PATIENCE
    return waits and not queue.worker_count and queue.connected is not None


def badges(queue: QueueSnapshot) -> tuple[tuple[str, str], ...]:
    found = []
    if queue.broken:
        found.append(("critical", "unreadable"))
    if queue.paused:
        found.append(("paused", "paused"))
    if queue.worker_count == 0 and queue.connected is not None:
        found.append(("critical" if _abandoned(queue) else "quiet", "no workers"))
    if queue.rate_limit is not None:
        limit = queue.rate_limit
        found.append(("quiet", f"{limit.max} per {age(limit.duration / 1000)}"))
    if queue.concurrency is not None:
        found.append(("quiet", f"at most {queue.concurrency}"))
    return tuple(found)


def banners(reading: Reading) -> list[Banner]:
    """What is wrong, the worst first; many queues hide nothing that is wrong with Redis."""
    found, server = _queues_in_trouble(reading.queues), reading.server
    if reading.away:
        since = f"; what is shown is of {clock(reading.at)} UTC" if reading.at else ""
        return [Banner("critical", f"Redis does not answer{since}")]
    if server.eviction not in (None, "noeviction"):
        found.append(Banner("critical", _EVICTING.format(server.eviction)))
    if server.volatile:
        found.append(Banner("warn", _VOLATILE))
    if server.append_only is False and not server.volatile:
        found.append(Banner("warn", _NO_AOF))
    if not reading.complete:
        found.append(Banner("warn", "Redis has many keys; queues are still being looked for"))
    return found


def _queues_in_trouble(queues: Sequence[QueueSnapshot]) -> list[Banner]:
    """Those that have waited longest first; not more than `ONE_BY_ONE` and how many there are."""
    found = []
    for queue in sorted(queues, key=lambda each: -(each.oldest_waiting or 0)):
        if queue.broken:
            found.append(
                Banner("critical", "cannot be read: another kind of key is in its way", queue.name)
            )
        elif _abandoned(queue) and not queue.paused:
            waiting = count(queue.waiting or queue.counts["delayed"])
            found.append(Banner("critical", f"no workers, and {waiting} jobs to do", queue.name))
    more = len(found) - ONE_BY_ONE
    if more > 1:
        text = f"{count(more)} more queues have no workers and jobs to do, or cannot be read"
        found[ONE_BY_ONE:] = [Banner("critical", text)]
    return found
