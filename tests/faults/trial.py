"""Jobs, workers and a fault; and a count, outside Redis, of what happened to every job."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from bullrush.core import Queue
from bullrush.core.errors import BullrushError
from tests.faults.worker_process import QUEUE
from tests.support.waiting import wait_until

#: s until a worker works again, however long the fault was.
RECOVERY = 20


class Trial:
    """Produces all the time, from a thread of its own, until it is told to end; a context manager.

    Args:
        url: where the producer finds Redis.
        plain_url: where Redis is, past all faults of the way; `url` by default.
        folder: for the ledger and the logs.
    """

    def __init__(self, url: str, folder: Path, *, plain_url: str | None = None) -> None:
        self.url = url
        self.folder = folder
        self.ledger = folder / "ledger"
        self.ledger.touch()
        self.accepted: list[str] = []
        self.refused: list[Exception] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        self.queue = Queue(QUEUE, url=url)
        self.plain = Queue(QUEUE, url=plain_url or url)
        self._enough = threading.Event()
        self._producer = threading.Thread(target=self._produce, name="producer of the trial")

    def __enter__(self) -> Trial:
        self._producer.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._enough.set()
        self._producer.join()
        for worker in self.workers:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
        self.queue.close()
        self.plain.close()

    def start_worker(
        self, *, url: str | None = None, pool: str = "threads", lock: int = 3000
    ) -> subprocess.Popen[bytes]:
        """A worker with two slots.

        Args:
            lock: ms that a lock lives, and between two looks for stalled jobs.
        """
        arguments = [url or self.url, str(self.ledger), pool, str(lock)]
        with (self.folder / f"log-{len(self.workers)}").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.worker_process", *arguments],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.workers.append(worker)
        return worker

    def more_end(self, count: int, timeout: float = RECOVERY) -> None:
        """Wait until so many more runs have ended."""
        goal = sum(self.ended().values()) + count
        wait_until(lambda: sum(self.ended().values()) >= goal, timeout, f"{count} more runs")

    def more_refused(self, count: int = 1, timeout: float = RECOVERY) -> None:
        """Wait until so many more calls have raised."""
        goal = len(self.refused) + count
        wait_until(lambda: len(self.refused) >= goal, timeout, f"{count} more refusals")

    def finish(self, timeout: float = 2 * RECOVERY) -> None:
        """End producing, and wait until nothing is left to do."""
        self._enough.set()
        self._producer.join()
        wait_until(lambda: not self.left(), timeout, "an empty queue")

    def check(self, *, extra_starts: int) -> None:
        """Finish; nothing is lost, and no more jobs than that began a second time."""
        self.finish()
        assert self.vanished() == set()
        assert [(job.id, job.failed_reason) for job in self.plain.get_failed(0, -1)] == []
        assert self.extra_starts() <= extra_starts
        assert self.locks() == []

    def left(self) -> dict[str, int]:
        """How many jobs are in which state, of those that can still run."""
        counts = self.plain.get_job_counts("waiting", "active", "delayed", "prioritized")
        return {state: count for state, count in counts.items() if count}

    def started(self) -> Counter[str]:
        """How often each job was begun."""
        return self._noted("S")

    def ended(self) -> Counter[str]:
        """How often each job was run to its end."""
        return self._noted("E")

    def extra_starts(self) -> int:
        """How many runs there were beyond one for each job."""
        return sum(times - 1 for times in self.started().values())

    def vanished(self) -> set[str]:
        """Accepted jobs that neither ran to their end nor failed where one can see it."""
        failed = {job.id for job in self.plain.get_failed(0, -1)}
        return set(self.accepted) - set(self.ended()) - failed

    def log(self, worker: int = 0) -> list[str]:
        """What a worker said of its troubles."""
        lines = (self.folder / f"log-{worker}").read_text().splitlines()
        return [line for line in lines if line.startswith(("WARNING", "ERROR", "CRITICAL"))]

    def locks(self) -> list[Any]:
        """Keys of locks that nobody has taken away."""
        return list(self.plain.driver.execute(("KEYS", f"bull:{QUEUE}:*:lock")))

    def _noted(self, sign: str) -> Counter[str]:
        lines = self.ledger.read_text().splitlines()
        return Counter(line[2:] for line in lines if line.startswith(sign))

    def _produce(self) -> None:
        while not self._enough.wait(0.01):
            try:
                self.accepted.append(str(self.queue.add("work", {}).id))
            except BullrushError as error:
                self.refused.append(error)
