"""One measurement: how many jobs a second are added, and worked off, on a private server.

python benchmarks/add_and_work.py [jobs]
"""

from __future__ import annotations

import sys
import threading
import time

from bullrush.core import BulkJob, Queue
from bullrush.core.drivers.server_binary import ServerProcess
from bullrush.core.worker import Worker


def main(jobs: int) -> None:
    """Measure and print."""
    with ServerProcess() as server, Queue("bench", url=server.url) as queue:
        began = time.perf_counter()
        for number in range(jobs // 10):
            queue.add("one", {"n": number})
        report("added one by one", jobs // 10, began)
        began = time.perf_counter()
        queue.add_bulk([BulkJob("many", {"n": number}) for number in range(jobs)])
        report("added in bulk", jobs, began)
        work_off(server.url, jobs + jobs // 10)


def work_off(url: str, jobs: int) -> None:
    """A worker with ten slots and a handler that does nothing."""
    done, rest, guard = threading.Event(), [jobs], threading.Lock()

    def handler(delivery: object) -> None:
        with guard:
            rest[0] -= 1
            if rest[0] == 0:
                done.set()

    began = time.perf_counter()
    with Worker("bench", handler, url=url, concurrency=10):
        done.wait()
    report("worked off", jobs, began)


def report(what: str, jobs: int, began: float) -> None:
    """One line."""
    seconds = time.perf_counter() - began
    print(f"{what:<18}{jobs:>8} jobs {seconds:>8.2f} s {jobs / seconds:>10.0f} jobs/s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
