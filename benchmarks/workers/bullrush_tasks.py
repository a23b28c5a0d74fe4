"""bullrush, the Celery front: tasks with a stored result, run by the command line's worker."""

from __future__ import annotations

import datetime
from typing import Any

import celery_canvas
import roles

from bullrush import Celery

app = Celery("bench", broker=roles.URL, backend=roles.URL)
for each in (roles.noop, roles.nap, roles.step, roles.stamp, roles.late):
    app.task(name=each.__name__)(each)


class Tasks(roles.Peer):
    """Celery's calls, the worker as `bullrush worker`."""

    title = "bullrush tasks"
    packages = ("bullrush", "redis", "hiredis", "kombu")
    settings = {
        "solo": {"pool": "solo", "concurrency": 1},
        "threads 10": {"pool": "threads", "concurrency": 10},
        "asyncio 500": {"pool": "asyncio", "concurrency": 500},
        "prefork 2": {"pool": "prefork", "concurrency": 2},
    }
    drained = [
        *(("LLEN", f"bull:celery:{state}") for state in ("wait", "active")),
        *(("ZCARD", f"bull:celery:{state}") for state in ("prioritized", "delayed")),
    ]
    jobs = 20_000
    lead = 8.0

    def add(self, task: str, data: dict[str, Any]) -> Any:
        return app.tasks[task].apply_async(kwargs=data)

    def add_many(
        self, task: str, rows: list[dict[str, Any]], dues: list[float] | None = None
    ) -> None:
        for number, row in enumerate(rows):
            due = dues and datetime.datetime.fromtimestamp(dues[number], datetime.timezone.utc)
            app.tasks[task].apply_async(kwargs=row, eta=due or None)

    def wait(self, handle: Any) -> Any:
        return handle.get(timeout=10)

    def canvas(self, shape: str, size: int) -> float:
        return celery_canvas.run("bullrush", app.tasks["step"], shape, size)

    def worker(self) -> None:
        roles.become(
            *("-m", "bullrush", "-A", "bullrush_tasks", "worker"),
            *("-P", roles.SETTING["pool"], "-c", str(roles.SETTING["concurrency"])),
        )
