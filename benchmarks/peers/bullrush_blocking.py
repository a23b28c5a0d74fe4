"""bullrush, the blocking face."""

from __future__ import annotations

import threading

from serving import payload, serve, url

from bullrush.core import BulkJob, Queue
from bullrush.core.delivery import Delivery
from bullrush.core.worker import Worker

queue = Queue("bench", url=url())


def add(jobs: int) -> None:
    """One after the other."""
    for number in range(jobs):
        queue.add("noop", payload(number))


def add_bulk(jobs: int) -> None:
    """All in one call."""
    queue.add_bulk([BulkJob("noop", payload(number)) for number in range(jobs)])


def work(jobs: int) -> None:
    """A worker with 50 slots and a handler that does nothing."""
    done, rest, guard = threading.Event(), [jobs], threading.Lock()

    def handler(delivery: Delivery) -> object:
        with guard:
            rest[0] -= 1
            if rest[0] == 0:
                done.set()
        return delivery.data["a"]

    with Worker("bench", handler, url=url(), concurrency=50):
        done.wait()


serve(
    "bullrush",
    {"add": add, "add_bulk": add_bulk, "work": work},
    packages=("bullrush", "redis", "hiredis"),
)
