"""Huey on Redis; a job taken by a worker that dies is lost."""

from __future__ import annotations

import datetime
from typing import Any

import roles
from huey import RedisHuey

huey = RedisHuey("bench", url=roles.URL, notify_result=bool(roles.SETTING.get("notify")))
TASKS = {each.__name__: huey.task()(each) for each in (roles.noop, roles.stamp, roles.late)}


class HueyPeer(roles.Peer):
    """Two processes, its best here."""

    title = "Huey (no acknowledgement)"
    packages = ("huey", "redis")
    settings = {"2 processes": {}, "2 processes, notify": {"notify": True}}
    drained = [("LLEN", "huey.redis.bench")]
    jobs = 8_000

    def add(self, task: str, data: dict[str, Any]) -> Any:
        return TASKS[task](**data)

    def add_many(
        self, task: str, rows: list[dict[str, Any]], dues: list[float] | None = None
    ) -> None:
        for number, row in enumerate(rows):
            if dues:
                when = datetime.datetime.fromtimestamp(dues[number])
                TASKS[task].schedule(kwargs=row, eta=when)
            else:
                TASKS[task](**row)

    def wait(self, handle: Any) -> Any:
        return handle.get(blocking=True, timeout=10)

    def worker(self) -> None:
        roles.become(
            *("-m", "huey.bin.huey_consumer", "huey_peer.huey", "-k", "process", "-w", "2", "-q"),
        )
