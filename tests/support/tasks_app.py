"""An application at the top level of a module, as users have it, for workers with child
processes.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from bullrush import Celery, signals
from bullrush.exceptions import SoftTimeLimitExceeded
from tests.support.waiting import wait_until

app = Celery("tasks", broker=os.environ.get("BULLRUSH_TEST_BROKER", "memory://tasks"))

#: What the signals of this process' life said.
life: list[str] = []


@signals.worker_process_init.connect
def remember_start(sender, **named):
    """The child begins."""
    life.append(f"init by {sender}")


@signals.worker_process_shutdown.connect
def remember_end(pid, exitcode, **named):
    """The child leaves; nobody could ask it any more."""
    path = os.environ.get("BULLRUSH_TEST_LEFT")
    if path:
        Path(path).write_text(f"{pid == os.getpid()} {exitcode}")


@app.task
def lives():
    """What the process was told before its first task."""
    return life


@app.task
def add(x, y):
    """Adds."""
    return x + y


@app.task
def process():
    """The process that runs it."""
    return os.getpid()


@app.task(soft_time_limit=0.2)
def soft(seconds):
    """Longer than its limit, and cleans up."""
    try:
        time.sleep(seconds)  # What the task is for.
    except SoftTimeLimitExceeded:
        return "cleaned up"
    return "done"


@app.task(time_limit=0.3)
def hard(seconds):
    """Longer than its limit."""
    time.sleep(seconds)  # What the task is for.


@app.task(batch=5, max_wait=0.2)
def weigh(items):
    """A batch: the number and the size of each."""
    return [[item.args[0], len(items)] for item in items]


@app.task(batch=5, max_wait=0.2, bind=True)
async def weigh_later(self, items):
    """The same as a coroutine."""
    await asyncio.sleep(0)  # Lets go of the loop once.
    return [[item.args[0], len(items)] for item in items]


@app.task
def hold(gate):
    """Until a file of that name is there."""
    return wait_until(Path(gate).exists, 60)


@app.task
def sleep(seconds):
    """As long as it is told."""
    time.sleep(seconds)  # What the task is for.
    return seconds


@app.task
def die(code):
    """Takes its process with it."""
    os._exit(code)


@app.task(acks_late=False)
def die_once(code):
    """The same, but must not run again."""
    os._exit(code)


@app.task(bind=True)
async def whoami(self, seconds):
    """A coroutine that knows its own request."""
    before = self.request.id
    await asyncio.sleep(seconds)  # What the task is for.
    return [before, self.request.id, self.request.task]


@app.task(bind=True, max_retries=2, default_retry_delay=0)
async def flaky(self):
    """A coroutine that works at the third try."""
    await asyncio.sleep(0)  # Lets go of the loop once.
    if self.request.retries < 2:
        raise self.retry(exc=ValueError("not yet"))
    return self.request.retries
