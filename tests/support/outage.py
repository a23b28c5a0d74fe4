"""What tests of outages share."""

from __future__ import annotations

import itertools
import os
import signal
import threading

from tests.support.waiting import wait_until

#: Where no Redis is.
AWAY = "redis://127.0.0.1:1/0"


def empty(app):
    """Whether nothing waits in the spool, and calls go to Redis again."""
    return app.outage.spool.counts()["waiting"] == 0 and not app.outage.holding


def values_in(queue):
    """What the waiting jobs were called with, the next to run first."""
    return [job.data["args"][0] for job in queue.get_waiting()]


def kill(server):
    """End a `ServerProcess` without a warning."""
    os.killpg(server._process.pid, signal.SIGKILL)
    server._process.wait()


def restart(server):
    """Start it again, at the same place, with what it had stored."""
    server._given_port = server.port
    server._start()


def call_through_outages(server, app, call, *, before, during):
    """Four threads call all the time; Redis dies hard and comes back twice.

    Args:
        server: the `ServerProcess`, one that keeps its data.
        call: called with the number of the thread and of the call.
        before: how many calls are made before Redis dies.
        during: how many calls are spooled before it comes back.

    Returns:
        What `call` was called with, when nothing waits in the spool any more.
    """
    sent, done = [], threading.Event()

    def produce(thread):
        for number in itertools.count():
            if done.is_set():
                return
            sent.append((thread, number))
            call(thread, number)

    threads = [threading.Thread(target=produce, args=(n,)) for n in range(4)]
    for each in threads:
        each.start()
    for _ in range(2):
        spooled, goal = app.outage.counts["spooled"], len(sent) + before
        wait_until(lambda goal=goal: len(sent) > goal, 30)
        kill(server)
        wait_until(lambda spooled=spooled: app.outage.counts["spooled"] > spooled + during, 30)
        restart(server)
    done.set()
    for each in threads:
        each.join()
    wait_until(lambda: empty(app), 60)
    return sent
