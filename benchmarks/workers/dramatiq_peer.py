"""Dramatiq on Redis; results only where the setting says so."""

from __future__ import annotations

import time
from typing import Any

import dramatiq
import roles
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

broker = RedisBroker(url=roles.URL)
if roles.SETTING.get("results"):
    broker.add_middleware(Results(backend=RedisBackend(url=roles.URL), store_results=True))
dramatiq.set_broker(broker)
ACTORS = {each.__name__: dramatiq.actor(each) for each in (roles.noop, roles.stamp, roles.late)}


class DramatiqPeer(roles.Peer):
    """Two processes with 8 threads each, its best here."""

    title = "Dramatiq"
    packages = ("dramatiq", "redis")
    settings = {
        "2 processes x 8 threads": {},
        "2 processes x 8 threads, results": {"results": True},
    }
    drained = [("LLEN", "dramatiq:default"), ("HLEN", "dramatiq:default.msgs")]
    jobs = 8_000

    def add(self, task: str, data: dict[str, Any]) -> Any:
        return ACTORS[task].send(**data)

    def add_many(
        self, task: str, rows: list[dict[str, Any]], dues: list[float] | None = None
    ) -> None:
        for number, row in enumerate(rows):
            delay = max(0, int((dues[number] - time.time()) * 1000)) if dues else None
            ACTORS[task].send_with_options(kwargs=row, delay=delay)

    def wait(self, handle: Any) -> Any:
        return handle.get_result(block=True, timeout=10_000)

    def worker(self) -> None:
        roles.become("-m", "dramatiq", "dramatiq_peer", "-p", "2", "-t", "8", "--skip-logging")
