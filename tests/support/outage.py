"""What tests of outages share."""

from __future__ import annotations

import os
import signal

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
