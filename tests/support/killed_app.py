"""An application whose worker is killed, once, at the moment that KILLED_AT names while it plants
what follows a task.
"""

from __future__ import annotations

import os
import signal

from bullrush import Celery, group
from bullrush.canvas import following, planting, replacing

app = Celery("killed", broker=os.environ.get("BULLRUSH_TEST_BROKER", "memory://killed"))
app.conf.task_default_queue = os.environ.get("BULLRUSH_TEST_QUEUE", "killed")
AT = os.environ.get("KILLED_AT")


def count(what):
    """How often that has happened."""
    return app.driver.execute(("HINCRBY", f"{app.conf.task_default_queue}-counts", what, 1))


def die(moment):
    """Here, if it is to be, and the first time."""
    key = f"{app.conf.task_default_queue}-counts"
    if moment == AT and app.driver.execute(("HSETNX", key, "deaths", 1)):
        os.kill(os.getpid(), signal.SIGKILL)


def send_again(*args, **named):
    """The real one, between two moments."""
    die("before")
    sent = _send_again(*args, **named)
    die("after")
    return sent


def run(driver, call):
    """The real one; between two parts of what is planted there is a moment."""
    done = _run(driver, call)
    die("between")
    return done


class Planting(planting.Planting):
    """The real one, between two moments."""

    def plant(self, found):
        """See there."""
        die("before")
        sent = super().plant(found)
        die("after")
        return sent


def become(driver, call):
    """The real one, and then a moment."""
    done = _run(driver, call)
    die("changed")
    return done


if AT:
    _send_again = following.send_again
    following.send_again = send_again
    replacing.Planting, replacing.run = Planting, become
    _run, planting.run = planting.run, run


@app.task
def first(n):
    """What the others follow."""
    count("first")
    return n


@app.task(bind=True)
def member(self, n, position):
    """One of many."""
    count(self.request.id)
    return n + position


@app.task
def total(numbers):
    """What follows the many."""
    count("total")
    return sum(numbers)


@app.task(bind=True)
def swapped(self, n, many):
    """Many take its place."""
    count("swapped")
    return self.replace(group(member.s(n, position) for position in range(many)))
