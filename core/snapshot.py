"""How every queue stands, read in two round trips however many there are. For metrics, thresholds
and pages that show all queues at once. Nothing here writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .calls import Call, Command
from .clock import now_ms
from .drivers import Driver
from .errors import BullrushError, InvalidQueueName, ServerError
from .job import FIELDS, Job, id_of, waiting_since
from .keys import META_FIELDS, METRICS_FIELDS, QueueKeys
from .measures import QueueMeasures, measures_of
from .operations.states import STATES, size_of
from .operations.steering import number_or_none
from .scripts import script
from .trip import Limiter
from .workers import RECORD_MS, WorkerRecord, read_record

_MINUTE = 60_000
_META = tuple(META_FIELDS[name] for name in ("paused", "concurrency", "max", "duration"))
_WAIT_FIELDS = tuple(FIELDS[name].encode() for name in ("timestamp", "processed_on", "opts"))
_METER = tuple(METRICS_FIELDS[name] for name in ("count", "prev_ts", "prev_count"))


@dataclass(frozen=True)
class QueueSnapshot:
    """How one queue stood at one moment.

    Args:
        name: the queue's.
        counts: state -> number of jobs, the states and the order of `Queue.get_job_counts`. What a
            paused 5.x queue holds in its old list counts as waiting.
        paused: whether nobody may start its jobs.
        oldest_waiting: s for which the oldest job that may start has waited, since it was added,
            became due or last ran; None when none waits.
        oldest_waiting_id: its id.
        overdue: s for which the first delayed job has been due without being let in; None when none
            is due. Workers do that, so without any it grows.
        workers: the records of our workers that serve it.
        connected: workers that CLIENT LIST has for it, Node's and ours; None if that is forbidden.
        concurrency: how many of its jobs may be active at once over all workers; None: no limit.
        rate_limit: how many may start in which time over all workers; None: no limit.
        completed_per_minute, failed_per_minute: jobs that ended in the last whole minute; None
            unless some worker counts them (its option `metrics`).
        completed_total, failed_total: those counted so far; None likewise.
        measures: what our workers count of its jobs, if that was asked for.
        broken: why it cannot be read, if so: somebody stored another thing under one of its keys.
    """

    name: str
    counts: Mapping[str, int]
    paused: bool = False
    oldest_waiting: float | None = None
    oldest_waiting_id: str | None = None
    overdue: float | None = None
    workers: tuple[WorkerRecord, ...] = ()
    connected: int | None = None
    concurrency: int | None = None
    rate_limit: Limiter | None = None
    completed_per_minute: int | None = None
    failed_per_minute: int | None = None
    completed_total: int | None = None
    failed_total: int | None = None
    measures: QueueMeasures | None = None
    broken: str | None = None

    @property
    def waiting(self) -> int:
        """How many jobs may start: those that wait, with a priority or without."""
        return self.counts["waiting"] + self.counts["prioritized"]

    @property
    def worker_count(self) -> int:
        """How many workers serve it, Node's and ours. One of ours may be between two connections,
        and CLIENT LIST may be forbidden, so it is never less than the records.
        """
        return max(self.connected or 0, len(self.workers))

    @property
    def other_workers(self) -> int:
        """How many of them are not ours. Nobody knows how many slots they have."""
        return self.worker_count - len(self.workers)

    @property
    def slots(self) -> int:
        """How many jobs our workers can run at once."""
        return sum(each.slots for each in self.workers)

    @property
    def busy(self) -> int:
        """How many jobs our workers had in hand, of all their queues, when they last told."""
        return sum(each.running for each in self.workers)


def take(
    driver: Driver,
    prefix: str,
    names: Iterable[str],
    *,
    measures: bool = False,
    now: int | None = None,
) -> list[QueueSnapshot]:
    """How these queues stand, in their order. Names that no queue can have are left out.

    Args:
        driver: where they are.
        prefix: what every key starts with.
        names: of the queues, see `list_queues`.
        measures: read what workers have counted as well.
        now: Unix ms; by default the time it is.

    Raises:
        ConnectionFailed: Redis did not answer.
    """
    now = now_ms() if now is None else now
    looks = [_Look(keys, now, measures) for keys in _all_keys(prefix, names)]
    clients, *replies = driver.execute_many(
        [("CLIENT", "LIST"), *(command for look in looks for command in look.first.values())]
    )
    rest = iter(replies)
    for look in looks:
        look.first_replies = {name: next(rest) for name in look.first}
    _second_trip(driver, looks)
    connected = None if isinstance(clients, BullrushError) else _names_of(clients)
    return [look.snapshot(connected) for look in looks]


def _second_trip(driver: Driver, looks: Sequence[_Look]) -> None:
    asked = [(look, look.second()) for look in looks]
    commands = [command for _, second in asked for command in second.values()]
    rest = iter(driver.execute_many(commands) if commands else ())
    for look, second in asked:
        look.second_replies = {name: next(rest) for name in second}


def _all_keys(prefix: str, names: Iterable[str]) -> list[QueueKeys]:
    found = []
    for name in names:
        try:
            found.append(QueueKeys(name, prefix))
        except InvalidQueueName:
            continue
    return found


def _names_of(clients: bytes) -> Counter[str]:
    """How many connections of workers there are for each client name, without the worker's own."""
    found: Counter[str] = Counter()
    for line in clients.decode("utf-8", "replace").splitlines():
        _, _, rest = line.partition(" name=")
        plain, _, _ = rest.partition(" ")[0].partition(":w:")
        if plain:
            found[plain] += 1
    return found


@dataclass
class _Look:
    """What is asked of one queue, and what came of it."""

    keys: QueueKeys
    now: int
    measures: bool
    first_replies: Mapping[str, Any] = field(default_factory=dict)
    second_replies: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        keys, oldest = self.keys, self.now - RECORD_MS
        self._oldest: Call[Any] = script("oldest_waiting").call(keys.base, [], list)
        self.first: dict[str, Command] = {
            **{state: size_of(keys, state).command for state in STATES},
            "legacy": ("LLEN", keys.paused),
            "meta": ("HMGET", keys.meta, *_META),
            "due": ("ZRANGE", keys.delayed, 0, 0, "WITHSCORES"),
            "completed_meter": ("HMGET", keys.metrics_completed, *_METER),
            "completed_minute": ("LINDEX", keys.metrics_completed_data, 0),
            "failed_meter": ("HMGET", keys.metrics_failed, *_METER),
            "failed_minute": ("LINDEX", keys.metrics_failed_data, 0),
            "workers": ("ZRANGEBYSCORE", keys.workers, oldest, "+inf"),
            "oldest": self._oldest.command,
        }
        if self.measures:
            self.first["measures"] = ("HGETALL", keys.measures)

    def second(self) -> dict[str, Command]:
        """What could not be asked at once."""
        commands: dict[str, Command] = {}
        replies = self.first_replies
        unknown = replies["oldest"]
        if isinstance(unknown, ServerError) and unknown.kind == "NOSCRIPT":
            assert self._oldest.full is not None
            commands["oldest"] = self._oldest.full
        if replies["workers"] and not isinstance(replies["workers"], BullrushError):
            commands["records"] = (
                "MGET",
                *(self.keys.worker(each.decode()) for each in replies["workers"]),
            )
        return commands

    def snapshot(self, connected: Counter[str] | None) -> QueueSnapshot:
        """What all that says."""
        replies = {**self.first_replies, **self.second_replies}
        broken = next((each for each in replies.values() if isinstance(each, BullrushError)), None)
        if broken is not None:
            return QueueSnapshot(self.keys.queue, dict.fromkeys(STATES, 0), broken=str(broken))
        paused, concurrency, most, duration = replies["meta"]
        since, oldest = self._oldest_of(replies["oldest"])
        completed = _meter(replies["completed_meter"], replies["completed_minute"], self.now)
        failed = _meter(replies["failed_meter"], replies["failed_minute"], self.now)
        return QueueSnapshot(
            self.keys.queue,
            _counts(replies),
            paused=paused is not None,
            oldest_waiting=None if since is None else max(0, self.now - since) / 1000,
            oldest_waiting_id=oldest,
            overdue=self._overdue(replies["due"]),
            workers=self._records(replies),
            connected=None if connected is None else connected[self.keys.client_name()],
            concurrency=number_or_none(concurrency),
            rate_limit=_limiter(number_or_none(most), number_or_none(duration)),
            completed_total=completed[0],
            completed_per_minute=completed[1],
            failed_total=failed[0],
            failed_per_minute=failed[1],
            measures=measures_of(replies["measures"]) if self.measures else None,
        )

    def _oldest_of(self, rows: Sequence[Sequence[bytes]]) -> tuple[int | None, str | None]:
        """(Unix ms since which it waits, its id) of the job that has waited longest."""
        jobs = (
            Job(self.keys.base, id_of(row[0]), dict(zip(_WAIT_FIELDS, row[1:], strict=True)))
            for row in rows
        )
        waits = [(waiting_since(job), job.id) for job in jobs]
        return min(waits) if waits else (None, None)

    def _overdue(self, reply: Sequence[bytes]) -> float | None:
        """A score holds the due time and, in its low bits, a sequence number (protocol 1.2)."""
        due = int(float(reply[1])) // 4096 if reply else self.now + 1
        return (self.now - due) / 1000 if due <= self.now else None

    def _records(self, replies: Mapping[str, Any]) -> tuple[WorkerRecord, ...]:
        pairs = zip(replies["workers"], replies.get("records", ()), strict=True)
        found = [read_record(each.decode(), text) for each, text in pairs if text is not None]
        known = (each for each in found if each is not None)
        return tuple(sorted(known, key=lambda record: (record.started, record.id)))


def _counts(replies: Mapping[str, Any]) -> dict[str, int]:
    counts = {state: int(replies[state]) for state in STATES}
    counts["waiting"] += replies["legacy"]
    return counts


def _limiter(most: int | None, duration: int | None) -> Limiter | None:
    return None if most is None or duration is None else Limiter(most, duration)


def _meter(
    meter: Sequence[bytes | None], newest: bytes | None, now: int
) -> tuple[int | None, int | None]:
    """(jobs so far, jobs of the last whole minute) of what workers count (protocol 11).

    A minute is closed by the first job of a later one, so the last whole one may be open still.
    """
    count, closed, before = (number_or_none(each) for each in meter)
    if count is None:
        return None, None
    age = now // _MINUTE - (closed or 0) // _MINUTE
    if age <= 0:
        return count, number_or_none(newest) or 0
    return count, count - (before or 0) if age == 1 else 0
