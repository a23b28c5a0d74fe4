"""Looking at many queues at once: which there are, and how full each is."""

from __future__ import annotations

from collections.abc import Sequence

from .calls import Batch, Call, Steps, run, run_async, run_steps, run_steps_async
from .drivers import AsyncDriver, Driver
from .keys import DEFAULT_PREFIX, discovery_pattern, queue_of_meta_key
from .operations import QueueOperations


def list_queues(driver: Driver, prefix: str = DEFAULT_PREFIX) -> list[str]:
    """The names of all queues under a prefix, sorted: Node's and ours.

    Raises:
        ConnectionFailed: Redis did not answer.
    """
    return run_steps(driver, _find_queues(prefix))


async def list_queues_async(driver: AsyncDriver, prefix: str = DEFAULT_PREFIX) -> list[str]:
    """As `list_queues`."""
    return await run_steps_async(driver, _find_queues(prefix))


def count_jobs(driver: Driver, queues: Sequence[QueueOperations]) -> dict[str, dict[str, int]]:
    """The counts of several queues in one round trip: queue -> state -> number (protocol 8.7).

    Raises:
        ConnectionFailed: Redis did not answer.
    """
    return run(driver, _counts(queues))


async def count_jobs_async(
    driver: AsyncDriver, queues: Sequence[QueueOperations]
) -> dict[str, dict[str, int]]:
    """As `count_jobs`."""
    return await run_async(driver, _counts(queues))


def _find_queues(prefix: str) -> Steps[list[str]]:
    """SCAN, not KEYS: it must not hold a Redis that others need."""
    names: set[str] = set()
    cursor, pattern = b"0", discovery_pattern(prefix)
    while True:
        cursor, keys = yield Call(("SCAN", cursor, "MATCH", pattern, "COUNT", 1000), list)
        found = (queue_of_meta_key(key.decode("utf-8", "replace"), prefix) for key in keys)
        names.update(name for name in found if name)
        if cursor == b"0":
            return sorted(names)


def _counts(queues: Sequence[QueueOperations]) -> Batch[dict[str, dict[str, int]]]:
    batches = [queue.counts_call() for queue in queues]
    calls = [call for batch in batches for call in batch.calls]

    def read(values: list[int]) -> dict[str, dict[str, int]]:
        counts, first = {}, 0
        for queue, batch in zip(queues, batches, strict=True):
            last = first + len(batch.calls)
            counts[queue.name] = batch.read(values[first:last])
            first = last
        return counts

    return Batch(calls, read)
