"""taskiq with its list broker; a job taken by a worker that dies is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import roles
from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

# A socket timeout, redis-py's default since 8, ends the workers' blocking pops.
broker = ListQueueBroker(roles.URL, socket_timeout=None)
if roles.SETTING.get("results", True):
    store = RedisAsyncResultBackend(roles.URL, result_ex_time=3600)
    broker = broker.with_result_backend(store)


@broker.task(task_name="noop")
async def noop(a: int, b: str) -> int:
    return roles.noop(a, b)


@broker.task(task_name="nap")
async def nap(a: int, b: str) -> int:
    return await roles.nap(a, b)


@broker.task(task_name="stamp")
async def stamp(t0: float) -> None:
    roles.stamp(t0)


TASKS = {"noop": noop, "nap": nap, "stamp": stamp}


class TaskiqPeer(roles.Peer):
    """Two processes, with and without results."""

    title = "taskiq (no acknowledgement)"
    packages = ("taskiq", "taskiq-redis", "redis", "uvloop")
    settings = {"2 processes, results": {}, "2 processes": {"results": False}}
    drained = [("LLEN", "taskiq")]
    jobs = 8_000
    uvloop = True

    def open(self) -> Any:
        return broker.startup()

    def close(self) -> Any:
        return broker.shutdown()

    def add(self, task: str, data: dict[str, Any]) -> Any:
        return TASKS[task].kiq(**data)

    async def add_many(
        self, task: str, rows: list[dict[str, Any]], dues: list[float] | None = None
    ) -> None:
        for start in range(0, len(rows), 100):
            part = rows[start : start + 100]
            await asyncio.gather(*(TASKS[task].kiq(**row) for row in part))

    def wait(self, handle: Any) -> Any:
        return handle.wait_result(check_interval=0.005, timeout=10)

    def worker(self) -> None:
        roles.become(
            *("-m", "taskiq", "worker", "taskiq_peer:broker", "-w", "2"),
            *("--log-level", "ERROR", "--max-async-tasks", "500"),
        )
