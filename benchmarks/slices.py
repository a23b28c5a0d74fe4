"""How long one script of an operation over many jobs holds Redis: nobody else is served meanwhile.

    python benchmarks/slices.py               # queues of 100,000 jobs
    python benchmarks/slices.py --jobs 20000

Measured is the CPU time of Redis' main thread for each call, which other load on the machine does
not lengthen. Linux only.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bullrush.core import BulkJob, JobOptions, Queue
from bullrush.core.clock import now_ms
from bullrush.core.drivers import Driver, connect
from bullrush.core.drivers.server_binary import ServerProcess

#: ms; an operation may not hold Redis for longer.
BOUND = 50.0


class Meter:
    """A driver that notes the CPU time of Redis' main thread for each call, in ms."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.location, self.volatile = driver.location, driver.volatile
        info = driver.execute(("INFO", "server")).decode()
        pid = next(line for line in info.splitlines() if line.startswith("process_id:"))
        self._clock = Path(f"/proc/{pid.partition(':')[2]}/schedstat")
        self.calls: list[float] = []

    def execute(self, command: Sequence[Any]) -> Any:
        """Send and measure."""
        return self._measure(self._driver.execute, command)

    def execute_many(self, commands: Sequence[Any]) -> list[Any]:
        """Send and measure. Redis may serve others between the commands of a pipeline."""
        return list(self._measure(self._driver.execute_many, commands))

    def _measure(self, send: Callable[[Any], Any], what: Any) -> Any:
        before = self._spent()
        reply = send(what)
        self.calls.append(self._spent() - before)
        return reply

    def _spent(self) -> float:
        return int(self._clock.read_text().split()[0]) / 1e6


class Jobs:
    """Makes queues of one size in the states that the cases need."""

    def __init__(self, queue: Queue, count: int) -> None:
        self.queue = queue
        self.count = count

    def fill(self, **options: Any) -> None:
        """Jobs with 150 bytes of data."""
        chosen = JobOptions(**options)
        data = ({"n": n, "text": "y" * 130} for n in range(self.count))
        self.queue.add_bulk([BulkJob("x", each, chosen) for each in data])

    def fill_with_old_ones(self, **options: Any) -> None:
        """Every other job is an hour old."""
        self.fill(**options)
        old = now_ms() - 3_600_000
        for first in range(1, self.count + 1, 1000):
            keys = (self.queue.keys.job(str(n)) for n in range(first, first + 1000, 2))
            self.queue.driver.execute_many([("HSET", key, "timestamp", old) for key in keys])

    def finish(self, place: str) -> None:
        """All jobs are in a finished set, as if workers had been there."""
        self.fill()
        self.queue.driver.execute(("DEL", self.queue.keys.wait))
        for first in range(1, self.count + 1, 1000):
            pairs = [part for n in range(first, first + 1000) for part in (n, n)]
            self.queue.driver.execute(("ZADD", getattr(self.queue.keys, place), *pairs))


def cases(jobs: Jobs) -> list[tuple[str, Callable[[], Any], Callable[[Queue], Any]]]:
    """(name, what is prepared, what is measured)"""
    day, hour, middle = 86_400_000, 1_800_000, jobs.count // 2
    delayed = partial(jobs.fill, delay=day)
    old_delayed = partial(jobs.fill_with_old_ones, delay=day)
    completed, failed = partial(jobs.finish, "completed"), partial(jobs.finish, "failed")
    old = jobs.fill_with_old_ones
    return [
        ("drain, waiting", jobs.fill, lambda q: q.drain()),
        ("drain, delayed", delayed, lambda q: q.drain(delayed=True)),
        ("clean, all waiting", jobs.fill, lambda q: q.clean(0, type="wait")),
        ("clean, every other waiting", old, lambda q: q.clean(hour, type="wait")),
        ("clean, no waiting", jobs.fill, lambda q: q.clean(hour, type="wait")),
        ("clean, every other delayed", old_delayed, lambda q: q.clean(hour, type="delayed")),
        ("clean, all completed", completed, lambda q: q.clean(0)),
        ("obliterate", jobs.fill, lambda q: q.obliterate()),
        ("promote_jobs", delayed, lambda q: q.promote_jobs()),
        ("retry_jobs", failed, lambda q: q.retry_jobs()),
        ("remove_orphaned_jobs, none", jobs.fill, lambda q: q.remove_orphaned_jobs()),
        ("get_jobs, all waiting", jobs.fill, lambda q: q.get_jobs("waiting")),
        ("get_jobs, a far page", jobs.fill, lambda q: q.get_waiting(middle, middle + 50)),
    ]


def main() -> None:
    """Measure every case on a private server and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--jobs", type=int, default=100_000)
    count = parser.parse_args().jobs
    print(f"| {count:,} jobs | calls | longest, ms | all, ms |\n|---|---|---|---|")
    with ServerProcess() as server:
        driver = connect(server.url)
        for name, prepare, act in cases(Jobs(Queue("slices", driver=driver), count)):
            driver.execute(("FLUSHALL",))
            prepare()
            meter = Meter(driver)
            act(Queue("slices", driver=meter))
            longest = max(meter.calls)
            flag = "" if longest < BOUND else " (too long)"
            figures = f"{len(meter.calls)} | {longest:.1f}{flag} | {sum(meter.calls):.0f}"
            print(f"| {name} | {figures} |", flush=True)
        driver.close()


if __name__ == "__main__":
    main()
