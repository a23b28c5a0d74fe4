"""The official Python port of BullMQ."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import Any

import roles
from bullmq import Queue, QueueEvents, Worker

# A socket timeout, redis-py's default since 8, ends the worker's blocking wait.
CONNECTION = {**roles.address(), "socket_timeout": None}


async def handle(job: Any, token: str) -> object:
    """Whichever it is."""
    found = getattr(roles, job.name)(**job.data)
    return await found if job.name == "nap" else found


async def work() -> None:
    """Until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    worker = Worker("bench", handle, {"connection": CONNECTION, **roles.SETTING})
    await stop.wait()
    await worker.close(True)


class BullmqPython(roles.Peer):
    """On uvloop."""

    title = "BullMQ for Python"
    packages = ("bullmq", "redis", "hiredis", "uvloop")
    settings = {"10 at once": {"concurrency": 10}, "500 at once": {"concurrency": 500}}
    drained = [
        *(("LLEN", f"bull:bench:{state}") for state in ("wait", "active")),
        *(("ZCARD", f"bull:bench:{state}") for state in ("prioritized", "delayed")),
    ]
    jobs = 8_000
    uvloop = True
    events: Any = None

    def open(self) -> None:
        self.queue = Queue("bench", {"connection": CONNECTION})

    async def close(self) -> None:
        if self.events:
            await self.events.close()
        await self.queue.close()

    def add(self, task: str, data: dict[str, Any]) -> Any:
        return self.queue.add(task, data, {})

    def add_many(
        self, task: str, rows: list[dict[str, Any]], dues: list[float] | None = None
    ) -> Any:
        now, jobs = time.time(), []
        for number, row in enumerate(rows):
            options = {"delay": max(1, round((dues[number] - now) * 1000))} if dues else {}
            jobs.append({"name": task, "data": row, "opts": options})
        return self.queue.addBulk(jobs)

    async def listen(self) -> None:
        self.ended: dict[str, asyncio.Event] = {}
        self.events = QueueEvents("bench", {"connection": CONNECTION})
        self.events.on("completed", lambda event, *_: self._end(event["jobId"]).set())
        await asyncio.sleep(0.5)

    async def wait(self, handle: Any) -> None:
        await asyncio.wait_for(self._end(handle.id).wait(), 10)

    def worker(self) -> None:
        asyncio.run(work())

    def _end(self, job_id: str) -> asyncio.Event:
        return self.ended.setdefault(job_id, asyncio.Event())
