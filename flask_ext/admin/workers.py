"""Who works on the queues, and the status document for incidents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from pydantic import Field

from bullrush.core import Queue
from bullrush.core.calls import Batch, Call, run
from bullrush.core.clock import now_ms
from bullrush.core.depths import Depth, depths_of
from bullrush.core.errors import BullrushError
from bullrush.core.leases import LEASES, Lease, read_lease
from bullrush.core.turns import view_turns

from .models import Answer
from .places import all_queues
from .routing import Asked, Routes

ROUTES = Routes()


class WorkerRow(Answer):
    """A worker of ours, as it said itself at `beat`."""

    id: str
    name: str
    host: str
    pid: int
    started: int = Field(description="Unix ms")
    beat: int = Field(description="Unix ms")
    pool: str
    slots: int
    running: int
    paused: bool
    queues: list[str]
    processes: list[int]


class Workers(Answer):
    """The workers of all queues."""

    workers: list[WorkerRow]
    others: dict[str, int] = Field(description="queue -> workers of other programs, such as Node's")


class QueueDepth(Answer):
    """How deep a queue is; `total` is waiting and active."""

    waiting: int
    active: int
    total: int


class WorkerMetrics(Answer):
    """How deep each queue is."""

    queue_depths: dict[str, QueueDepth]


class ExecutionWorker(Answer):
    """Whether anybody works."""

    started: bool = Field(description="whether a worker of ours has given a sign of life lately")
    queue_driver: str = Field(description="`bullmq`, or `inmemory`")
    metrics: WorkerMetrics


class RedisStatus(Answer):
    """How Redis is."""

    status: str = Field(description="`ready`, or `end` when it does not answer")


class Lock(Answer):
    """Which beat sends, where one has to be chosen."""

    holder: str
    acquired_at: int = Field(description="Unix ms")
    ttl_ms: int
    renewals: int


class SchedulerStatus(Answer):
    """How schedules are kept."""

    preferred_strategy: str
    redis: RedisStatus
    lock: Lock | None = Field(
        description="null when no lock is needed: job schedulers are advanced in one step in Redis"
    )


class Status(Answer):
    """How the workers and the scheduler are."""

    timestamp: str = Field(description="ISO 8601, UTC")
    execution_worker: ExecutionWorker
    scheduler: SchedulerStatus


@ROUTES.get("/admin/workers")
def list_workers(asked: Asked) -> Workers:
    """The workers of all queues."""
    shots = asked.binding.snapshots()
    rows = {
        each.id: WorkerRow(**{name: getattr(each, name) for name in WorkerRow.model_fields})
        for shot in shots
        for each in shot.workers
    }
    others = {shot.name: shot.other_workers for shot in shots if shot.other_workers}
    workers = sorted(rows.values(), key=lambda row: (row.started, row.id))
    return Workers(workers=workers, others=others)


@ROUTES.get("/admin/workers/status", fresh=5)
def show_status(asked: Asked) -> Status:
    """How the workers and the scheduler are, in two commands however many queues there are."""
    try:
        depths, lease = _look(asked, all_queues(asked.binding))
        ready = True
    except BullrushError:
        depths, lease, ready = {}, None, False
    in_memory = asked.binding.driver.location.startswith("memory://")
    worker = ExecutionWorker(
        started=any(each.workers for each in depths.values()),
        queue_driver="inmemory" if in_memory else "bullmq",
        metrics=WorkerMetrics(queue_depths={n: _depth(each) for n, each in depths.items()}),
    )
    now = datetime.fromtimestamp(now_ms() / 1000, timezone.utc)
    return Status(
        timestamp=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        execution_worker=worker,
        scheduler=SchedulerStatus(
            preferred_strategy="redis",
            redis=RedisStatus(status="ready" if ready else "end"),
            lock=_lock(lease),
        ),
    )


def _look(asked: Asked, queues: Sequence[Queue]) -> tuple[dict[str, Depth], Lease | None]:
    celery = asked.binding.celery
    keys = asked.binding.look_at(celery.conf.task_default_queue).keys
    calls: list[Call[dict[str, str]] | Call[dict[str, Depth]]] = [view_turns(keys, LEASES)]
    if queues:
        calls.append(depths_of([queue.keys for queue in queues], now_ms()))
    leases, *depths = run(asked.binding.driver, Batch(calls, list))
    held = [lease for text in leases.values() if (lease := read_lease(text)) is not None]
    live = [lease for lease in held if lease.until > now_ms()]
    return depths[0] if depths else {}, max(live, key=lambda lease: lease.until, default=None)


def _depth(depth: Depth) -> QueueDepth:
    total = depth.waiting + depth.active
    return QueueDepth(waiting=depth.waiting, active=depth.active, total=total)


def _lock(lease: Lease | None) -> Lock | None:
    if lease is None:
        return None
    return Lock(
        holder=lease.holder,
        acquired_at=lease.acquired,
        ttl_ms=max(0, lease.until - now_ms()),
        renewals=lease.renewals,
    )
