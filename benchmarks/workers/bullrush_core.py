"""bullrush, the core's worker. The pools asyncio and threads get the same handler."""

from __future__ import annotations

import time
from typing import Any

import roles

from bullrush.core import BulkJob, JobOptions, Queue, QueueEvents
from bullrush.core.delivery import Delivery
from bullrush.core.worker import Worker


def handler(delivery: Delivery) -> object:
    """Whichever it is."""
    if delivery.job.name == "noop":
        return roles.noop(**delivery.data)
    return getattr(roles, delivery.job.name)(**delivery.data)


async def coroutine(delivery: Delivery) -> object:
    """The same as a coroutine."""
    found = handler(delivery)
    return await found if delivery.job.name == "nap" else found


class Core(roles.Peer):
    """The blocking queue and the worker."""

    title = "bullrush core"
    packages = ("bullrush", "redis", "hiredis")
    settings = {
        "solo": {"pool": "solo"},
        "threads 50": {"pool": "threads", "concurrency": 50},
        "asyncio 50": {"pool": "asyncio", "concurrency": 50},
        "asyncio 500": {"pool": "asyncio", "concurrency": 500},
        "prefork 2": {"pool": "prefork", "concurrency": 2},
    }
    drained = [
        *(("LLEN", f"bull:bench:{state}") for state in ("wait", "active")),
        *(("ZCARD", f"bull:bench:{state}") for state in ("prioritized", "delayed")),
    ]
    jobs = 60_000
    events: QueueEvents

    def open(self) -> None:
        self.queue = Queue("bench", url=roles.URL)

    def close(self) -> None:
        self.queue.close()

    def add(self, task: str, data: dict[str, Any]) -> str:
        return self.queue.add(task, data).id

    def add_many(
        self,
        task: str,
        rows: list[dict[str, Any]],
        dues: list[float] | None = None,
        priorities: int = 0,
        delay: int = 0,
    ) -> None:
        now = time.time()
        jobs = []
        for number, row in enumerate(rows):
            options: JobOptions = {}
            if dues:
                options["delay"] = max(1, round((dues[number] - now) * 1000))
            elif delay:
                options["delay"] = delay
            if priorities:
                options["priority"] = 1 + number % priorities
            jobs.append(BulkJob(task, row, options))
        self.queue.add_bulk(jobs)

    def listen(self) -> None:
        self.events = QueueEvents("bench", url=roles.URL).start()

    def wait(self, handle: str) -> object:
        return self.events.wait_until_finished(handle, timeout=10)

    def worker(self) -> None:
        chosen = coroutine if roles.SETTING["pool"] == "asyncio" else handler
        Worker("bench", chosen, url=roles.URL, **roles.SETTING).run()
