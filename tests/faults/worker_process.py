"""A worker in a process of its own that notes every start and end in a file.

    python -m tests.faults.worker_process URL LEDGER POOL LOCK_MS

Each line is written at once: "S id" or "E id". Lives until it is told to end.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time

from bullrush.core.worker import Worker

#: Of the queue all tests of faults work on.
QUEUE = "ledger"


class Noting:
    """A handler that notes what it begins and ends."""

    def __init__(self, ledger: str) -> None:
        self.ledger = ledger

    def __call__(self, delivery):
        file = os.open(self.ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(file, f"S {delivery.job.id}\n".encode())
            time.sleep(0.005)  # The work.
            os.write(file, f"E {delivery.job.id}\n".encode())
        finally:
            os.close(file)
        return delivery.job.id


def main(url: str, ledger: str, pool: str, lock_ms: str) -> None:
    """Work until SIGTERM."""
    logging.basicConfig(level="INFO", format="%(levelname)s %(message)s")
    lock = int(lock_ms)
    worker = Worker(
        QUEUE,
        Noting(ledger),
        url=url,
        pool=pool,
        concurrency=2,
        lock_duration=lock,
        stalled_interval=lock,
    )
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
