"""A worker that lives in a process of somebody else ends with it."""

from __future__ import annotations

import subprocess
import sys

from bullrush.core import Queue

#: Stopped by `atexit`, and idle until then. What was registered last is called first, so the first
#: worker's pipe is older than the call that stops it, and the second worker's is younger.
IDLE = """
import atexit, sys
from bullrush.core.worker import Worker
from tests.support.waiting import wait_until

def worker():
    return Worker(sys.argv[1], print, url=sys.argv[2], drain_delay=60)

def sleep(worker):
    worker.start()
    wait_until(lambda: worker._consumer.inbox._watching, 20)

first, second = worker(), worker()
atexit.register(lambda: print(second.stop(20)))
sleep(first)
sleep(second)
atexit.register(lambda: print(first.stop(20)))
"""


def test_a_worker_can_be_stopped_when_the_process_is_about_to_end(redis_url, queue_name):
    done = subprocess.run(
        [sys.executable, "-c", IDLE, queue_name, redis_url],
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (done.stdout.split(), done.stderr) == (["True", "True"], "")
    with Queue(queue_name, url=redis_url) as queue:
        assert queue.driver.execute(("ZCARD", queue.keys.workers)) == 0
