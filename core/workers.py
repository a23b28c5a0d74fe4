"""Which workers of ours serve a queue, by the records they write. Node's `getWorkers` and ours find
every worker by its connection; a record says more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from .calls import Call, Steps, run_steps, run_steps_async
from .clock import now_ms
from .drivers import AsyncDriver, Driver
from .keys import QueueKeys

#: ms between two writes of a record.
BEAT_MS = 10_000
#: ms that a record lives.
RECORD_MS = 30_000


@dataclass(frozen=True)
class WorkerRecord:
    """What a worker says of itself.

    Args:
        id: unique in the fleet.
        name: may be empty.
        host, pid: where it runs.
        started, beat: Unix ms of its start and of this record.
        pool: the pool's name.
        slots: how many jobs at once.
        running: how many jobs it has in hand.
        paused: whether it takes no jobs for now.
        queues: the queues it serves.
        processes: its child processes.
    """

    id: str
    name: str
    host: str
    pid: int
    started: int
    beat: int
    pool: str
    slots: int
    running: int
    paused: bool
    queues: tuple[str, ...]
    processes: tuple[int, ...]


def list_workers(driver: Driver, keys: QueueKeys) -> list[WorkerRecord]:
    """The workers of ours that serve a queue, the oldest first.

    Raises:
        ConnectionFailed: Redis did not answer.
    """
    return run_steps(driver, _find(keys))


async def list_workers_async(driver: AsyncDriver, keys: QueueKeys) -> list[WorkerRecord]:
    """As `list_workers`."""
    return await run_steps_async(driver, _find(keys))


def _find(keys: QueueKeys) -> Steps[list[WorkerRecord]]:
    oldest = now_ms() - RECORD_MS
    yield Call(("ZREMRANGEBYSCORE", keys.workers, "-inf", f"({oldest}"), int)
    ids: list[bytes] = yield Call(("ZRANGE", keys.workers, 0, -1), list)
    if not ids:
        return []
    names = [each.decode() for each in ids]
    raw: Sequence[bytes | None] = yield Call(("MGET", *map(keys.worker, names)), list)
    found = [
        read_record(name, text) for name, text in zip(names, raw, strict=True) if text is not None
    ]
    return sorted(filter(None, found), key=lambda record: (record.started, record.id))


def read_record(worker_id: str, text: bytes) -> WorkerRecord | None:
    """A record as it is stored; None for one of a version that says other things."""
    try:
        values = json.loads(text)
        values["queues"], values["processes"] = map(tuple, (values["queues"], values["processes"]))
        return WorkerRecord(id=worker_id, **values)
    except (ValueError, TypeError, KeyError):
        return None
