"""arq."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import roles
from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import run_worker

SERVER = RedisSettings.from_dsn(roles.URL)


async def noop(ctx: Any, a: int, b: str) -> int:
    return roles.noop(a, b)


async def nap(ctx: Any, a: int, b: str) -> int:
    return await roles.nap(a, b)


async def stamp(ctx: Any, t0: float) -> None:
    roles.stamp(t0)


async def late(ctx: Any, due: float) -> None:
    roles.late(due)


class ArqPeer(roles.Peer):
    """It polls every 0.5 s, so many jobs at once are its best."""

    title = "arq"
    packages = ("arq", "redis", "hiredis", "uvloop")
    settings = {"500 jobs": {"max_jobs": 500}}
    drained = [("ZCARD", "arq:queue")]
    jobs = 6_000
    uvloop = True

    async def open(self) -> None:
        self.pool = await create_pool(SERVER)

    async def close(self) -> None:
        await self.pool.aclose()

    def add(self, task: str, data: dict[str, Any]) -> Any:
        return self.pool.enqueue_job(task, **data)

    async def add_many(
        self, task: str, rows: list[dict[str, Any]], dues: list[float] | None = None
    ) -> None:
        whens = [datetime.datetime.fromtimestamp(due, datetime.timezone.utc) for due in dues or ()]
        calls = [
            self.pool.enqueue_job(task, _defer_until=whens[number] if whens else None, **row)
            for number, row in enumerate(rows)
        ]
        for start in range(0, len(calls), 100):
            await asyncio.gather(*calls[start : start + 100])

    def wait(self, handle: Any) -> Any:
        return handle.result(timeout=10, poll_delay=0.005)

    def worker(self) -> None:
        asyncio.set_event_loop(asyncio.new_event_loop())
        functions = {"functions": [noop, nap, stamp, late], "redis_settings": SERVER}
        run_worker(type("Settings", (), {**functions, "log_results": False, **roles.SETTING}))
