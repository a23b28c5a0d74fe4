"""What a getter reads: no more than it returns, however much more is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bullrush.core import BulkJob, Completed, Queue
from tests.support.trips import Hands
from tests.support.wire import Wire

FEW, MANY = 6, 100


@pytest.fixture
def wire(redis_url: str) -> Iterator[Wire]:
    """A way to Redis that counts."""
    with Wire(redis_url) as wire:
        yield wire


def fill(queue: Queue, jobs: int) -> None:
    """So many jobs in most states, and log rows."""
    hands = Hands(queue)
    for _ in range(2):
        queue.add_bulk([BulkJob("n", "x" * 50) for _ in range(jobs)])
        taken = hands.take(jobs)
        hands.trip([(each, Completed("y" * 50)) for each in taken[: jobs // 2]])
    hands.take(jobs)
    options: list[dict[str, Any]] = [{}, {"delay": 60_000}, {"priority": 3}]
    for each in options:
        queue.add_bulk([BulkJob("n", "x" * 50, each) for _ in range(jobs)])  # type: ignore[arg-type]
    for row in range(jobs):
        queue.add_log("1", f"row {row:04}")


GETTERS: dict[str, Callable[[Queue], Any]] = {
    "get_job": lambda queue: queue.get_job("1"),
    "get_state": lambda queue: queue.get_state("1"),
    "get_waiting": lambda queue: queue.get_waiting(0, 1),
    "get_active": lambda queue: queue.get_active(0, 1),
    "get_delayed": lambda queue: queue.get_delayed(0, 1),
    "get_prioritized": lambda queue: queue.get_prioritized(0, 1),
    "get_completed": lambda queue: queue.get_completed(0, 1),
    "get_jobs from the end": lambda queue: queue.get_jobs("waiting", start=-2),
    "get_ranges": lambda queue: queue.get_ranges("waiting", "delayed", end=1),
    "get_job_counts": lambda queue: queue.get_job_counts(),
    "get_counts_per_priority": lambda queue: queue.get_counts_per_priority([0, 3]),
    "get_logs": lambda queue: queue.get_logs("1", 0, 1),
    "get_logs_count": lambda queue: queue.get_logs_count("1"),
}


@pytest.mark.parametrize("name", GETTERS)
def test_a_getter_reads_as_little_from_a_long_queue_as_from_a_short_one(
    wire, redis_url, queue_name, name
):
    get, read = GETTERS[name], []
    for jobs in (FEW, MANY):
        with Queue(f"{queue_name}-{jobs}", url=redis_url) as queue:
            fill(queue, jobs)
        with Queue(f"{queue_name}-{jobs}", url=wire.url) as queue:
            get(queue)  # now the server knows the scripts
            before = wire.reply_bytes
            assert get(queue) is not None
            read.append(wire.reply_bytes - before)
    few, many = read
    assert few * 0.9 <= many < few * 1.3 + 20, f"{few} bytes of {FEW} jobs, {many} of {MANY}"
