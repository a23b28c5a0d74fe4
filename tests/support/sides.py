"""One way to say what either side does: add a job, work a queue off."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from bullrush.core import Queue
from bullrush.core.worker import Worker

from .node_peer import NodePeer

SIDES = ("python", "node")


def camel(value: Any) -> Any:
    """Options as Node spells them: the names of a mapping, at any depth, in camelCase."""
    if not isinstance(value, dict):
        return value
    return {
        re.sub(r"_([a-z])", lambda match: match[1].upper(), name): camel(each)
        for name, each in value.items()
    }


class Sides:
    """A queue, from Python and from Node.

    Args:
        queue: the queue.
        node: the Node process.
        start_worker: starts a Python worker on it.
    """

    def __init__(self, queue: Queue, node: NodePeer, start_worker: Callable[..., Worker]) -> None:
        self.queue = queue
        self.node = node
        self.start_worker = start_worker

    def add(self, side: str, name: str = "x", data: Any = None, **options: Any) -> str:
        """Add a job from that side, with options in our names; the id it gets."""
        if side == "python":
            return self.queue.add(name, data, **options).id
        fields = {"queue": self.queue.name, "name": name, "data": {} if data is None else data}
        return str(self.node.request("add", **fields, opts=camel(options))["id"])

    def work(self, side: str, handler: str = "echo", **options: Any) -> Any:
        """Start a worker on that side that sleeps for a minute when nobody wakes it.

        Args:
            handler: ``echo`` returns the data, ``fail`` raises as the data says, ``rest`` takes
                as many ms as the data says; ``hang`` is Node's alone.
            **options: in our names.
        """
        if side == "python":
            handlers = {"echo": lambda delivery: delivery.data, "fail": _fail, "rest": _rest}
            return self.start_worker(handlers[handler], drain_delay=60.0, **options)
        concurrency = options.pop("concurrency", 1)
        settings = camel({"drain_delay": 60, **options})
        return self.node.request(
            "startWorker",
            queue=self.queue.name,
            handler=handler,
            concurrency=concurrency,
            options=settings,
        )


def _rest(delivery: Any) -> Any:
    """As Node's handler of that name."""
    time.sleep(delivery.data["ms"] / 1000)  # The work itself, not a wait of the test.
    return delivery.data


def _fail(delivery: Any) -> Any:
    """As Node's handler of that name."""
    if delivery.job.attempts_made < delivery.data["failures"]:
        raise RuntimeError(delivery.data["message"])
    return delivery.data.get("result", "recovered")
