"""SAQ on Redis."""

from __future__ import annotations

import asyncio
from typing import Any

import roles
from saq import Queue
from saq.runner import run


async def noop(ctx: Any, *, a: int, b: str) -> int:
    return roles.noop(a, b)


async def nap(ctx: Any, *, a: int, b: str) -> int:
    return await roles.nap(a, b)


async def stamp(ctx: Any, *, t0: float) -> None:
    roles.stamp(t0)


async def late(ctx: Any, *, due: float) -> None:
    roles.late(due)


queue = Queue.from_url(roles.URL)
settings = {
    "queue": queue,
    "functions": [noop, nap, stamp, late],
    "concurrency": roles.SETTING.get("concurrency", 10),
}


class SaqPeer(roles.Peer):
    """It keeps times in whole seconds."""

    title = "SAQ"
    packages = ("saq", "redis", "hiredis", "uvloop")
    settings = {"50 at once": {"concurrency": 50}, "500 at once": {"concurrency": 500}}
    drained = [("ZCARD", "saq:default:incomplete")]
    jobs = 6_000
    uvloop = True

    def open(self) -> Any:
        return queue.connect()

    def close(self) -> Any:
        return queue.disconnect()

    def add(self, task: str, data: dict[str, Any]) -> Any:
        return queue.enqueue(task, **data)

    async def add_many(
        self, task: str, rows: list[dict[str, Any]], dues: list[float] | None = None
    ) -> None:
        calls = [
            queue.enqueue(task, scheduled=int(dues[number]) if dues else 0, **row)
            for number, row in enumerate(rows)
        ]
        for start in range(0, len(calls), 100):
            await asyncio.gather(*calls[start : start + 100])

    def wait(self, handle: Any) -> Any:
        return handle.refresh(10)

    def worker(self) -> None:
        run("saq_peer.settings", workers=1, quiet=True)
