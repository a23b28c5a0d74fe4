"""States and steps that a test makes by hand, as other processes make them."""

from __future__ import annotations

import json

from bullrush.core.calls import run
from bullrush.core.job import FIELDS
from tests.support.stored import Stored


def set_field(stored, job_id, name, value):
    """Write one field of a job, as another process might."""
    stored.run("HSET", stored.keys.job(job_id), FIELDS[name], value)


def make_parent(stored, child_id, parent_queue=None, parent_id="parent"):
    """Let a job be the only child of a parent that waits for it, here or in another queue."""
    other = Stored(stored.driver, parent_queue) if parent_queue else stored
    key = other.keys.job(parent_id)
    stored.run("HSET", key, "name", "parent", "data", "{}", "opts", "{}", "timestamp", 1)
    stored.run("ZADD", other.keys.waiting_children, 1, parent_id)
    stored.run("SADD", other.keys.job_part(parent_id, "dependencies"), stored.keys.job(child_id))
    set_field(stored, child_id, "parent_key", key)
    reference = {"id": parent_id, "queueKey": other.keys.qualified}
    set_field(stored, child_id, "parent", json.dumps(reference))
    return other


def make_armed(stored, place, scheduler="tick", due=1000):
    """Put the next run of a job scheduler into a place; its id."""
    job_id = f"repeat:{scheduler}:{due}"
    stored.run("ZADD", stored.keys.repeat, due, scheduler)
    stored.run("HSET", f"{stored.keys.repeat}:{scheduler}", "name", "x", "ic", 1)
    stored.run("HSET", stored.keys.job(job_id), "name", "x", "timestamp", 1)
    set_field(stored, job_id, "scheduler_id", scheduler)
    if place in ("wait", "active"):
        stored.run("LPUSH", getattr(stored.keys, place), job_id)
    else:
        stored.run("ZADD", getattr(stored.keys, place), due, job_id)
    return job_id


def finish(queue, steps, reply):
    """Run the rest of an operation whose first call was run by hand; its result."""
    try:
        while True:
            reply = run(queue.driver, steps.send(reply))
    except StopIteration as end:
        return end.value
