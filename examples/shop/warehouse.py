"""The warehouse: programs in Node that share queues with the shop."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
#: Where BullMQ is when the tests of this repository have been set up.
MODULES = HERE.parents[1] / "tests" / "interop" / "node" / "node_modules"


class WarehouseFailed(Exception):
    """A program of the warehouse did not do its part; the message says which and why."""


def find_node() -> str | None:
    """The path of Node, or None: the shop works without a warehouse.

    Raises:
        WarehouseFailed: there is a Node, but no BullMQ for it.
    """
    node = shutil.which("node")
    if node is None:
        return None
    # BullMQ 6 leaves it to its users to install a Redis client.
    probe = [node, "--eval", "require('bullmq'); require('ioredis')"]
    if subprocess.run(probe, env=_environment(), cwd=HERE, capture_output=True).returncode:
        raise WarehouseFailed("node lacks bullmq or ioredis; npm ci in tests/interop/node helps")
    return node


@contextmanager
def running_worker(node: str, port: int) -> Iterator[None]:
    """A Node worker while the block runs.

    Raises:
        WarehouseFailed: it did not come up.
    """
    command = [node, str(HERE / "worker.js"), str(port)]
    # It ends when its standard input does, so it cannot outlive this process, however that ends.
    with subprocess.Popen(
        command, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            if process.stdout is None or process.stdout.readline().strip() != "ready":
                raise WarehouseFailed("worker.js did not come up")
            yield
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def produce(node: str, port: int) -> dict[str, Any]:
    """Let a Node producer add a job and wait for it: its id and its result.

    Raises:
        WarehouseFailed: it did not get a result.
    """
    command = [node, str(HERE / "producer.js"), str(port)]
    try:
        done = subprocess.run(
            command, env=_environment(), capture_output=True, text=True, timeout=15
        )
    except subprocess.TimeoutExpired:
        raise WarehouseFailed("producer.js did not end within 15 s") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise WarehouseFailed(f"producer.js ended with {done.returncode}: {last}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _environment() -> dict[str, str]:
    """A NODE_PATH of the caller's comes first."""
    paths = [os.environ.get("NODE_PATH", ""), str(MODULES)]
    return {**os.environ, "NODE_PATH": os.pathsep.join(filter(None, paths))}
