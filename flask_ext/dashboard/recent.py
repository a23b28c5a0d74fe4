"""What ended lately: which errors there are now, and which tasks are slow. A sample of the newest
jobs of every queue, read in two round trips; the first may go with other commands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bullrush.core.calls import Command
from bullrush.core.drivers import Driver
from bullrush.core.errors import BullrushError
from bullrush.core.job import FIELDS, Job, id_of
from bullrush.core.keys import QueueKeys
from bullrush.core.snapshot import QueueSnapshot

from ..admin.fingerprints import fingerprint_of

#: Jobs of each queue that are looked at.
SAMPLE = 20
_ENDED = ("completed", "failed")
_NAMES = (
    "name",
    "timestamp",
    "delay",
    "processed_on",
    "finished_on",
    "failed_reason",
    "stacktrace",
)
_FIELDS = tuple(FIELDS[name].encode() for name in _NAMES)


@dataclass(frozen=True)
class ErrorGroup:
    """Failed jobs with the same cause.

    Args:
        fingerprint: what they have in common, a short text for URLs.
        reason: that of the newest.
        queue, name: the queue and the task.
        count: how many of the sample.
        last: Unix ms of the newest.
        job_id: the newest.
    """

    fingerprint: str
    reason: str
    queue: str
    name: str
    count: int
    last: int
    job_id: str


@dataclass(frozen=True)
class SlowTask:
    """How long a task takes; ms at the 95th percentile of the sample."""

    queue: str
    name: str
    count: int
    run: float
    wait: float


@dataclass(frozen=True)
class Recent:
    """What a sample says."""

    errors: tuple[ErrorGroup, ...] = ()
    slowest: tuple[SlowTask, ...] = ()


def sample_commands(
    prefix: str,
    queues: Sequence[QueueSnapshot],
    kinds: Sequence[str] = _ENDED,
    most: int = SAMPLE,
) -> list[Command]:
    """What to ask first; the replies go to `sample`."""
    return [
        ("ZREVRANGE", getattr(keys, kind), 0, most - 1)
        for keys, kind in _sets(prefix, queues, kinds)
    ]


def sample(
    driver: Driver,
    prefix: str,
    queues: Sequence[QueueSnapshot],
    ids: Sequence[Any],
    redacted: Callable[[str], str],
    most: int = 5,
) -> Recent:
    """Look at the newest ended jobs.

    Args:
        driver, prefix, queues: which.
        ids: the replies to `sample_commands`.
        redacted: a text as it may be shown.
        most: groups and tasks that are wanted.

    Raises:
        ConnectionFailed: Redis did not answer.
    """
    ended = _newest(driver, prefix, queues, _ENDED, ids)
    return Recent(
        tuple(
            replace(each, reason=redacted(each.reason))
            for each in group_errors(ended["failed"])[:most]
        ),
        tuple(slow_tasks([*ended["completed"], *ended["failed"]])[:most]),
    )


def failed_groups(
    driver: Driver, prefix: str, queues: Sequence[QueueSnapshot], most: int
) -> list[ErrorGroup]:
    """The newest failed jobs of every queue by their cause, at most `most` of each queue.

    Raises:
        ConnectionFailed: Redis did not answer.
    """
    ids = _replies(driver, sample_commands(prefix, queues, ("failed",), most))
    return group_errors(_newest(driver, prefix, queues, ("failed",), ids)["failed"])


def group_errors(jobs: Iterable[Job]) -> list[ErrorGroup]:
    """Failed jobs by their cause, the newest cause first."""
    groups: dict[tuple[str, str, str], list[Job]] = {}
    for job in jobs:
        cause = (fingerprint_of(job).id, job.queue_name, job.name)
        groups.setdefault(cause, []).append(job)
    found = []
    for (print_, *_), members in groups.items():
        newest = max(members, key=lambda job: job.finished_on or 0)
        reason, last = newest.failed_reason or "", newest.finished_on or 0
        where = (newest.queue_name, newest.name)
        found.append(ErrorGroup(print_, reason, *where, len(members), last, newest.id))
    return sorted(found, key=lambda group: (-group.last, group.fingerprint))


def slow_tasks(jobs: Iterable[Job]) -> list[SlowTask]:
    """Tasks by the time they run, the slowest first."""
    groups: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        if job.processed_on and job.finished_on:
            groups.setdefault((job.queue_name, job.name), []).append(job)
    found = []
    for (queue, name), members in groups.items():
        runs = [max(0, (job.finished_on or 0) - (job.processed_on or 0)) for job in members]
        waits = [max(0, (job.processed_on or 0) - job.timestamp - job.delay) for job in members]
        found.append(SlowTask(queue, name, len(members), _p95(runs), _p95(waits)))
    return sorted(found, key=lambda task: (-task.run, task.queue, task.name))


def _p95(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]


def _sets(
    prefix: str, queues: Sequence[QueueSnapshot], kinds: Sequence[str]
) -> list[tuple[QueueKeys, str]]:
    return [
        (QueueKeys(queue.name, prefix), kind)
        for queue in queues
        for kind in kinds
        if queue.counts.get(kind)
    ]


def _newest(
    driver: Driver,
    prefix: str,
    queues: Sequence[QueueSnapshot],
    kinds: Sequence[str],
    ids: Sequence[Any],
) -> Mapping[str, list[Job]]:
    rows = [
        (keys, kind, job_id)
        for (keys, kind), found in zip(_sets(prefix, queues, kinds), ids, strict=True)
        for job_id in ([] if isinstance(found, BullrushError) else found or ())
    ]
    hashes = _replies(
        driver, [("HMGET", keys.base.encode() + job_id, *_FIELDS) for keys, _, job_id in rows]
    )
    found: dict[str, list[Job]] = {"completed": [], "failed": []}
    for (keys, kind, job_id), values in zip(rows, hashes, strict=True):
        stored = {n: v for n, v in zip(_FIELDS, values or (), strict=False) if v is not None}
        if stored:
            found[kind].append(Job(keys.base, id_of(job_id), stored))
    return found


def _replies(driver: Driver, commands: Sequence[Command]) -> list[Any]:
    """The replies; None for what cannot be read."""
    replies = driver.execute_many(commands) if commands else []
    return [None if isinstance(each, BullrushError) else each for each in replies]
