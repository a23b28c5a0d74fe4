"""The differences that we want, each with its reason. Every other difference is a bug.

`ALLOWED` rows cover a fact that differs; `AVOIDED` rows name steps that would lead the two sides
apart for good, so they are left out of a program when they would. `docs/protocol.md` tells the
same to users ("Better than BullMQ, and compatible").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .comparison import NOTHING, Difference
from .ours import Ours
from .snapshot import Snapshot
from .steps import Concrete, Step
from .writing import add, do, newest

#: How often each row was needed since the process began.
used: Counter[str] = Counter()


@dataclass(frozen=True)
class Ended:
    """A program that has run, and what both sides left of it."""

    program: Sequence[Concrete]
    node: Snapshot
    ours: Snapshot

    def did(self, op: str) -> bool:
        """Whether a step of that kind was in it."""
        return any(step["op"] == op for step in self.program)


@dataclass(frozen=True)
class Allowed:
    """A fact that may differ.

    Args:
        name: what the row is called in reports.
        reason: why we want it.
        example: a program that needs the row.
        covers: whether a difference is this one, after that program.
    """

    name: str
    reason: str
    example: Sequence[Step]
    covers: Callable[[Difference, Ended], bool]


@dataclass(frozen=True)
class Avoided:
    """A step that leads the two sides apart.

    Args:
        name: what the row is called in reports.
        reason: why we want it.
        example: a program that needs the row.
        meets: whether the step, done now, would.
    """

    name: str
    reason: str
    example: Sequence[Step]
    meets: Callable[[Concrete, Ours], bool]


def _is_event_length(found: Difference, ended: Ended) -> bool:
    field = {"opts.maxLenEvents": "10000"}
    if found.path == "opts.maxLenEvents":
        return NOTHING in (found.node, found.ours)
    return (
        found.key.endswith(":meta")
        and found.path == ""
        and ((found.node, found.ours) in ((NOTHING, field), (field, NOTHING)))
    )


def _is_promoted_delay(found: Difference, ended: Ended) -> bool:
    is_delay = (
        found.path == "delay" or found.path.endswith(".delay") or found.path.endswith("].delay")
    )
    return is_delay and str(found.ours) == "0" and ended.did("promote_jobs")


def _is_missing_job(found: Difference, ended: Ended) -> bool:
    return found.path == "remove_deduplication_key" and (found.node, found.ours) == (
        False,
        "error -1",
    )


ALLOWED: Sequence[Allowed] = (
    Allowed(
        "deduplication id of a missing job",
        "a job that does not exist is said not to exist, as by every other operation",
        [do("remove_deduplication_key", job=newest("nobody"))],
        _is_missing_job,
    ),
    Allowed(
        "length of the event stream",
        "whoever needs the default length first writes it; which operation that is does not matter",
        [do("promote_jobs")],
        _is_event_length,
    ),
    Allowed(
        "delay of jobs that promoteJobs moved",
        "a job that waits for nothing has no delay, as after promote",
        [add(delay=1000), do("promote_jobs")],
        _is_promoted_delay,
    ),
)


def _has_order(step: Concrete, ours: Ours) -> bool:
    if step["op"] not in ("retry_jobs", "promote_jobs"):
        return False
    queue, place = step["queue"], step.get("state", "delayed")
    for job in ours.look(queue, place):
        if ours.field(queue, job, "priority") not in (None, "0"):
            return True
        if place != "delayed" and '"lifo":true' in (ours.field(queue, job, "opts") or ""):
            return True
    return False


AVOIDED: Sequence[Avoided] = (
    Avoided(
        "order of retryJobs and promoteJobs",
        "BullMQ puts every job into wait; here each goes where its priority and lifo say",
        [add(delay=1000, priority=1), do("promote_jobs")],
        _has_order,
    ),
)


def unwanted(found: Sequence[Difference], ended: Ended) -> list[Difference]:
    """The differences that no row covers."""
    return [each for each in found if not _is_covered(each, ended)]


def is_avoided(step: Concrete, ours: Ours) -> bool:
    """Whether a step is to be left out, as things stand on our side."""
    for row in AVOIDED:
        if row.meets(step, ours):
            used[row.name] += 1
            return True
    return False


def _is_covered(found: Difference, ended: Ended) -> bool:
    for row in ALLOWED:
        if row.covers(found, ended):
            used[row.name] += 1
            return True
    return False
