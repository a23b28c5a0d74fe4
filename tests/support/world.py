"""A queue with a job in every state, for tests of what operations refuse."""

from __future__ import annotations

from typing import Any

from bullrush.core import FlowJob
from tests.support.stored import Stored

#: ms; no lock of the world ends while it is looked at.
_LONG = 600_000


def make_world(queue: Any, flows: Any, stored: Stored) -> dict[str, str]:
    """Fill a queue.

    Returns:
        What a job is -> its id. ``active`` is locked by the token ``mine``.
    """
    name, keys = queue.name, stored.keys
    ids: dict[str, str] = {}

    def take(what: str, token: str = "mine") -> Any:
        ids[what] = queue.add("x").id
        job = queue.get_next_job(token, lock_duration=_LONG)
        assert job.id == ids[what]
        return job

    queue.move_to_completed(take("completed"), 1, "mine")
    queue.move_to_failed(take("failed"), ValueError("x"), "mine")
    take("active")
    take("pending children")
    stored.run("SADD", keys.job_part(ids["pending children"], "dependencies"), keys.job("nobody"))
    take("failed children")
    stored.run("ZADD", keys.job_part(ids["failed children"], "unsuccessful"), 1, keys.job("nobody"))
    take("lost")
    take("lost parent")
    stored.run("SADD", keys.job_part(ids["lost parent"], "dependencies"), keys.job("nobody"))
    for each in ("lost", "lost parent"):
        stored.run("DEL", keys.job_part(ids[each], "lock"))
    ids["waiting"] = queue.add("x", deduplication="d").id
    ids["delayed"] = queue.add("x", delay=_LONG).id
    ids["prioritized"] = queue.add("x", priority=2).id
    tree = flows.add(
        FlowJob("parent", name, children=[FlowJob("child", name, options={"job_id": "own-child"})])
    )
    ids["parent"], ids["child"] = tree.job.id, "own-child"
    ids["orphan"] = (
        flows.add(
            FlowJob("parent", name, children=[FlowJob("child", name, options={"job_id": "orphan"})])
        )
        .children[0]
        .job.id
    )
    queue.update_progress(ids["orphan"], 1)
    ids["scheduled"] = queue.upsert_job_scheduler("s", pattern="0 0 1 1 *", tz="UTC").id
    queue.add_log(ids["waiting"], "row")
    return ids
