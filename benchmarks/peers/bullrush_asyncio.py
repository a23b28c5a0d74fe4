"""bullrush, the asyncio face, on asyncio's own event loop."""

from __future__ import annotations

import asyncio

from serving import payload, serve, url

from bullrush.core import AsyncQueue, BulkJob

loop = asyncio.new_event_loop()
queue = AsyncQueue("bench", url=url())


async def add(jobs: int) -> None:
    """One after the other, each awaited."""
    for number in range(jobs):
        await queue.add("noop", payload(number))


async def add_bulk(jobs: int) -> None:
    """All in one call."""
    await queue.add_bulk([BulkJob("noop", payload(number)) for number in range(jobs)])


serve(
    "bullrush asyncio",
    {
        "add": lambda jobs: loop.run_until_complete(add(jobs)),
        "add_bulk": lambda jobs: loop.run_until_complete(add_bulk(jobs)),
    },
    packages=("bullrush", "redis", "hiredis"),
)
