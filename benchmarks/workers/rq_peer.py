"""RQ with the worker that does not fork, its fastest."""

from __future__ import annotations

import datetime
from typing import Any

import redis
import roles
from rq import Queue


class RqPeer(roles.Peer):
    """Functions are named by where they are imported from."""

    title = "RQ"
    packages = ("rq", "redis")
    settings = {"SimpleWorker": {}}
    drained = [("LLEN", "rq:queue:default"), ("ZCARD", "rq:wip:default")]
    jobs = 800

    def open(self) -> None:
        self.queue = Queue(connection=redis.Redis.from_url(roles.URL))

    def add(self, task: str, data: dict[str, Any]) -> Any:
        return self.queue.enqueue(f"roles.{task}", kwargs=data)

    def add_many(
        self, task: str, rows: list[dict[str, Any]], dues: list[float] | None = None
    ) -> None:
        if not dues:
            data = [Queue.prepare_data(f"roles.{task}", kwargs=row) for row in rows]
            self.queue.enqueue_many(data)
            return
        for row, due in zip(rows, dues, strict=True):
            when = datetime.datetime.fromtimestamp(due, datetime.timezone.utc)
            self.queue.enqueue_at(when, f"roles.{task}", kwargs=row)

    def wait(self, handle: Any) -> Any:
        return handle.latest_result(timeout=10)

    def worker(self) -> None:
        roles.become(
            *("-m", "rq.cli", "worker", "-u", roles.URL),
            *("-w", "rq.worker.SimpleWorker", "-q", "default"),
        )
