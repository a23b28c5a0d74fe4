"""Celery, broker and results on the same Redis."""

from __future__ import annotations

import datetime
from typing import Any

import celery_canvas
import roles
from celery import Celery, group

app = Celery("bench", broker=roles.URL, backend=roles.URL)
app.conf.broker_connection_retry_on_startup = True
for each in (roles.noop, roles.step, roles.stamp, roles.late):
    app.task(name=each.__name__)(each)


class CeleryPeer(roles.Peer):
    """Its defaults, without the chatter between workers."""

    title = "Celery"
    packages = ("celery", "kombu", "redis", "hiredis")
    settings = {
        "prefork 2": {"pool": "prefork", "concurrency": 2},
        "solo": {"pool": "solo", "concurrency": 1},
    }
    drained = [("LLEN", "celery"), ("HLEN", "unacked")]
    jobs = 4_000
    lead = 8.0

    def add(self, task: str, data: dict[str, Any]) -> Any:
        return app.tasks[task].apply_async(kwargs=data)

    def add_many(
        self, task: str, rows: list[dict[str, Any]], dues: list[float] | None = None
    ) -> None:
        if not dues:
            group(app.tasks[task].s(**row) for row in rows).apply_async()
            return
        for row, due in zip(rows, dues, strict=True):
            when = datetime.datetime.fromtimestamp(due, datetime.timezone.utc)
            app.tasks[task].apply_async(kwargs=row, eta=when)

    def wait(self, handle: Any) -> Any:
        return handle.get(timeout=10)

    def canvas(self, shape: str, size: int) -> float:
        return celery_canvas.run("celery", app.tasks["step"], shape, size)

    def worker(self) -> None:
        roles.become(
            *("-m", "celery", "-A", "celery_peer", "worker", "--loglevel", "WARNING"),
            *("-P", roles.SETTING["pool"], "-c", str(roles.SETTING["concurrency"])),
            *("--without-gossip", "--without-mingle"),
        )
