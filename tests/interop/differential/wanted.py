"""The differences that we want, each with its reason. Every other difference is a bug.

`ALLOWED` rows cover a fact that differs, `REWRITTEN` rows several that belong together; `AVOIDED`
rows name steps that would lead the two sides apart for good, so they are left out of a program when
they would, and `REFUSED` rows those that only Node takes. `docs/protocol.md` tells the
same to users ("Better than BullMQ, and compatible").
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .comparison import NOTHING, Difference
from .ours import Ours
from .snapshot import Snapshot
from .steps import START, Concrete, Result, Step
from .writing import add, add_child, by_node, complete, do, fail, newest, node, take

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
class Refused:
    """A step that our side refuses, and Node takes. Node is not given it, so what is compared is
    that we wrote nothing.

    Args:
        name: what the row is called in reports.
        reason: why we want it.
        example: a program that needs the row.
        applies: whether it is such a step; gets what our side answered.
    """

    name: str
    reason: str
    example: Sequence[Step]
    applies: Callable[[Concrete, Result, Ours], bool]


@dataclass(frozen=True)
class Excused:
    """An invariant that may be broken after all when both sides take turns.

    Args:
        name: what the row is called in reports.
        reason: why.
        example: a program that needs the row.
        steps: (who does it, operation) that lead to it.
        says: a pattern for the sentence.
    """

    name: str
    reason: str
    example: Sequence[Step]
    steps: Sequence[tuple[str, str]]
    says: str


@dataclass(frozen=True)
class Rewritten:
    """Something of Node's that is read as we would have left it.

    Args:
        name: what the row is called in reports.
        reason: why we want it.
        example: a program that needs the row.
        rewrite: changes what was left in place; tells whether it did.
    """

    name: str
    reason: str
    example: Sequence[Step]
    rewrite: Callable[[Ended], bool]


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
    ops = {"remove_deduplication_key": False, "drop_children": None}
    return found.path in ops and (found.node, found.ours) == (ops[found.path], "error -1")


def _is_marker_of_batch(found: Difference, ended: Ended) -> bool:
    """Ours wakes for the first delayed job, or there is none and it says nothing."""
    if not found.key.endswith(":marker") or not ended.did("add_bulk"):
        return False
    delayed = ended.ours.get(found.key.removesuffix(":marker") + ":delayed")
    if found.path == "1" and delayed:
        return found.ours is not NOTHING and found.ours <= min(delayed.value.values()) / 4096
    return found.path in ("", "1") and not delayed


def _is_marker_of_trip(found: Difference, ended: Ended) -> bool:
    """Whoever is woken by the other member learns from its fetch when the first one is due."""
    marker = ended.ours.get(found.key)
    return (
        found.key.endswith(":marker")
        and found.path == "1"
        and ended.did("commit_many")
        and marker is not None
        and "0" in marker.value
    )


def _is_drained_by_batch(found: Difference, ended: Ended) -> bool:
    facts = found.node, found.ours
    return facts == (NOTHING, {"event": "drained"}) and ended.did("commit_many")


ALLOWED: Sequence[Allowed] = (
    Allowed(
        "drained after a batch",
        "it is said at the end of a batch that finished a job and leaves nothing to do",
        [
            *(add(), take(), add(), take()),
            do(
                "commit_many",
                outcomes=[
                    {"op": "complete", "held": 0, "value": 1},
                    {"op": "delay", "held": 0, "delay": 1000},
                ],
                most=0,
            ),
        ],
        _is_drained_by_batch,
    ),
    Allowed(
        "marker of delayed jobs when a batch brings others",
        "as after a delayed retry that brings a job: whoever took it wakes the next worker",
        [
            *(add(), take(), add()),
            do("commit_many", outcomes=[{"op": "delay", "held": 0, "delay": 1000}], most=1),
        ],
        _is_marker_of_trip,
    ),
    Allowed(
        "marker of jobs that a later one of the same batch replaced",
        "a batch looks once at its end which delayed job is the first",
        [
            do(
                "add_bulk",
                jobs=[
                    {"name": "send", "data": {}, "opts": opts}
                    for opts in (
                        {"delay": 1000, "deduplication": {"id": "d"}},
                        {"deduplication": {"id": "d", "replace": True}},
                    )
                ],
            )
        ],
        _is_marker_of_batch,
    ),
    Allowed(
        "missing jobs",
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


def _leaves_more(step: Concrete, ours: Ours) -> bool:
    if step["op"] != "obliterate":
        return False
    base = ours.queue(step["queue"]).keys.base
    found = ours.driver.execute(("KEYS", f"{base}*"))
    names = [key.decode().removeprefix(base) for key in found]
    return any(
        name in ("limiter", "waiting-children") or name.startswith(("de:", "dn:")) for name in names
    )


#: What can end the wait of a parent with a delay of its own.
_RELEASING = frozenset(("complete", "fail", "commit_many", "add", "add_bulk", "add_flow"))


def _is_due_with_others(step: Concrete, ours: Ours) -> bool:
    """Whether a parent could be released into a ms in which another job is due."""
    if step["op"] not in _RELEASING:
        return False
    for queue in ("a", "b"):
        parents = ours.look(queue, "waiting-children")
        delays = [int(ours.field(queue, parent, "delay") or 0) for parent in parents]
        due = [step["now"] + delay for delay in delays if delay]
        if due and (len(set(due)) < len(due) or set(due) & set(ours.due(queue))):
            return True
    return False


def _has_owning_parents(step: Concrete, ours: Ours) -> bool:
    if step["op"] not in ("drain", "clean", "obliterate"):
        return False
    parents = ours.look(step["queue"], "waiting-children")
    return any(ours.field(step["queue"], parent, "deid") for parent in parents)


def _drains_beside_a_run(step: Concrete, ours: Ours) -> bool:
    if step["op"] != "drain":
        return False
    armed = {f"repeat:{each}:{next}" for each, next in ours.armed(step["queue"]).items()}
    waiting = ours.look(step["queue"], "wait")
    return len(waiting) > 1 and not armed.isdisjoint(waiting)


def _upserts_while_paused(step: Concrete, ours: Ours) -> bool:
    if step["op"] != "upsert_scheduler" or not ours.queue(step["queue"]).is_paused():
        return False
    due = ours.armed(step["queue"]).get(step["id"])
    return f"repeat:{step['id']}:{due}" in ours.look(step["queue"], "wait")


def _adopts_a_failed_child(step: Concrete, ours: Ours) -> bool:
    if step["op"] == "add_flow":
        level, children = [step["flow"]], []
        while level:
            level = [child for each in level for child in each["children"]]
            children += [(each["queueName"], each["opts"].get("jobId")) for each in level]
    elif step["op"] == "add" and "parent" in step["opts"]:
        children = [(step["queue"], step["opts"].get("jobId"))]
    else:
        return False
    return any(job in ours.look(queue, "failed") for queue, job in children)


def _meets_a_run_ahead(step: Concrete, ours: Ours) -> bool:
    """Whether a run that is not the next one, but is due from now on, is there in any state."""
    if step["op"] != "upsert_scheduler":
        return False
    runs = ours.runs(step["queue"], step["id"])
    return any(run >= step["now"] for run in runs - {ours.armed(step["queue"]).get(step["id"])})


def _finds_metrics(step: Concrete, ours: Ours) -> bool:
    keys = ours.queue(step["queue"]).keys
    return step["op"] == "remove_orphans" and bool(
        ours.driver.execute(("EXISTS", keys.metrics_failed))
    )


def _fetches_many_runs(step: Concrete, ours: Ours) -> bool:
    return step["op"] == "commit_many" and step["most"] > 1 and bool(ours.armed(step["queue"]))


def _waits_as_a_run(step: Concrete, ours: Ours) -> bool:
    return step["op"] == "wait_for_children" and ":" in step["job"]


def _waits_after_promotion(step: Concrete, ours: Ours) -> bool:
    return step["op"] == "wait_for_children" and (step["queue"], step["job"]) in ours.promoted


AVOIDED: Sequence[Avoided] = (
    Avoided(
        "a parent with colons in its id",
        "it is released when its last child is removed; Node cuts its key at the last colon",
        [
            do("upsert_scheduler", id="s", repeat={"every": 1000}, template={}),
            *(take(), add_child(), do("wait_for_children", held=0, child=None)),
            do("drop_children", job=newest("waiting-children")),
        ],
        _waits_as_a_run,
    ),
    Avoided(
        "a parent that promoteJobs moved",
        "its delay is over; in Node it is delayed anew when its children are done",
        [
            *(add(delay=1000), do("promote_jobs"), take(), add_child()),
            *(do("wait_for_children", held=0, child=None), take(), complete()),
        ],
        _waits_after_promotion,
    ),
    Avoided(
        "a batch of several jobs with a scheduler's among them",
        "all are taken before the runs that follow are made; Node makes each after its job",
        [
            *(add(), take(), do("upsert_scheduler", id="s", repeat={"every": 1}, template={})),
            add(),
            do("commit_many", outcomes=[{"op": "complete", "held": 0, "value": 1}], most=2),
        ],
        _fetches_many_runs,
    ),
    Avoided(
        "removeOrphanedJobs of a queue with metrics",
        "the counts of failed jobs stay; Node takes them for a part of a job",
        [add(), take("counting"), fail(), do("remove_orphans")],
        _finds_metrics,
    ),
    Avoided(
        "a scheduler that meets a run which was taken before its time",
        "the next time is taken; Node writes over the job, or stops the schedule",
        [
            do("upsert_scheduler", id="s", repeat={"every": 1000}, template={}),
            take(),
            do(
                "upsert_scheduler",
                id="s",
                repeat={"pattern": "* * * * *", "tz": "UTC", "immediately": True},
                template={},
            ),
        ],
        _meets_a_run_ahead,
    ),
    Avoided(
        "upsert of a scheduler whose next run waits in a paused queue",
        "the run is made anew; Node misses it and makes a second one",
        [
            do("upsert_scheduler", id="s", repeat={"every": 1000}, template={}),
            do("pause"),
            do("upsert_scheduler", id="s", repeat={"every": 1000}, template={}),
        ],
        _upserts_while_paused,
    ),
    Avoided(
        "a failed job that becomes a child",
        "its policy applies at once; in Node its parent waits until somebody retries it",
        [
            add(jobId="x"),
            *(take(), fail(), add(), take()),
            add_child(jobId="x", failParentOnFailure=True),
        ],
        _adopts_a_failed_child,
    ),
    Avoided(
        "drain with the next run of a scheduler among others",
        "that run stays; Node cuts the list by number, and another job can stay in its place",
        [
            add(),
            do("upsert_scheduler", id="s", repeat={"every": 1000}, template={}),
            do("drain", delayed=False),
        ],
        _drains_beside_a_run,
    ),
    Avoided(
        "deduplication id of a parent that is swept away with its children",
        "it is free again, as that of every job that is removed",
        [
            add(deduplication={"id": "d"}),
            take(),
            add_child(),
            do("wait_for_children", held=0, child=None),
            do("drain", delayed=False),
        ],
        _has_owning_parents,
    ),
    Avoided(
        "order of released parents",
        "when a delayed parent is due in the same ms as other jobs, they keep their order",
        [add(delay=1000), do("add_flow", flow=node(node(), delay=1000)), take(), complete()],
        _is_due_with_others,
    ),
    Avoided(
        "what obliterate leaves",
        "the rate limit, parents in waiting-children and deduplication ids go as well",
        [add(), take("limited"), do("obliterate", force=True)],
        _leaves_more,
    ),
    Avoided(
        "order of retryJobs and promoteJobs",
        "BullMQ puts every job into wait; here each goes where its priority and lifo say",
        [add(delay=1000, priority=1), do("promote_jobs")],
        _has_order,
    ),
)


def _removed_at_once(ended: Ended) -> bool:
    """Its children go first in Node, which releases the parent for a moment."""
    if not (ended.did("remove") or ended.did("drop_children")):
        return False
    changed = False
    # On our side too: a release and a removal may be two steps.
    for entry in (*ended.node.values(), *ended.ours.values()):
        if entry.kind == "stream":
            changed = _without_releases(entry.value) or changed
    return changed


def _without_releases(events: list[dict[str, str]]) -> bool:
    released: dict[str, int] = {}
    dropped = []
    for position, event in enumerate(events):
        job = event.get("jobId", "")
        if event.get("prev") == "waiting-children" and event["event"] == "waiting":
            released[job] = position
        elif event["event"] == "removed" and event["prev"] == "wait" and job in released:
            dropped.append(released.pop(job))
            event["prev"] = "waiting-children"
        elif event["event"] not in ("removed", "waiting"):
            released.clear()
    for position in sorted(dropped, reverse=True):
        del events[position]
    return bool(dropped)


REWRITTEN: Sequence[Rewritten] = (
    Rewritten(
        "removal of a parent with its children",
        "it goes at once; the event says in which state it was",
        [
            do("add_flow", flow=node(node())),
            do("remove", job=newest("waiting-children"), children=True),
        ],
        _removed_at_once,
    ),
)


def rewrite(ended: Ended) -> None:
    """Read what Node left as we would have left it."""
    for row in REWRITTEN:
        if row.rewrite(ended):
            used[row.name] += 1


def _error(code: int | None, *ops: str, says: str = "") -> Callable[[Concrete, Result, Ours], bool]:
    def applies(step: Concrete, result: Result, ours: Ours) -> bool:
        error = result.get("error")
        return step["op"] in ops and bool(
            error and error["code"] == code and says in error["message"]
        )

    return applies


def _hides_a_lock(step: Concrete, result: Result, ours: Ours) -> bool:
    """Whether neither the job nor a pending one below it is locked, as far as Node looks."""
    if step["op"] != "remove" or result.get("ok") is not False:
        return False
    level = [ours.queue(step["queue"]).keys.job(step["job"])]
    while level:
        if any(ours.driver.execute(("EXISTS", f"{key}:lock")) for key in level):
            return False
        below = [ours.driver.execute(("SMEMBERS", f"{key}:dependencies")) for key in level]
        level = [key.decode() for keys in below for key in keys]
    return True


REFUSED: Sequence[Refused] = (
    Refused(
        "a job that would be its own ancestor",
        "it would wait for itself for ever",
        [do("add_flow", flow=node(node(jobId="x"), jobId="x"))],
        _error(-20, "add", "add_flow"),
    ),
    Refused(
        "a flow with the child of another living parent",
        "Node stores a part of it, and its new parent waits for ever",
        [
            do("add_flow", flow=node(node(jobId="x"))),
            do("add_flow", flow=node(node(jobId="x"))),
        ],
        _error(-7, "add_flow"),
    ),
    Refused(
        "the child of another living parent",
        "what is refused changes nothing, the counter of ids included",
        [
            do("add_flow", flow=node(node(jobId="x"))),
            add(),
            do("add", name="send", data={}, opts={"jobId": "x"}, parent=newest("wait")),
        ],
        _error(-7, "add"),
    ),
    Refused(
        "a scheduler that begins after its end",
        "Node runs it once after its end when it is an interval, and never when it is a pattern",
        [
            do(
                "upsert_scheduler",
                id="s",
                repeat={"every": 1000, "startDate": START + 3000, "endDate": START + 1500},
                template={},
            )
        ],
        _error(None, "upsert_scheduler", says="is after end_date"),
    ),
    Refused(
        "removing a parent whose finished child waits for a locked job",
        "no job is taken from under a worker, however far below it is",
        [
            *(add(), take(), add_child(failParentOnFailure=True)),
            *(do("wait_for_children", held=0, child=None), take(), add_child()),
            *(fail(), take(), take(), do("give_back", held=1)),
            do("remove", job=newest("wait")),
        ],
        _hides_a_lock,
    ),
)


def is_refused(step: Concrete, result: Result, ours: Ours) -> bool:
    """Whether a step was refused on our side that Node would take."""
    for row in REFUSED:
        if row.applies(step, result, ours):
            used[row.name] += 1
            return True
    return False


EXCUSED: Sequence[Excused] = (
    Excused(
        "a parent without its child",
        "a flow with the child of another living parent is stored in part",
        [
            do("add_flow", flow=node(node(jobId="x"))),
            by_node("add_flow", flow=node(node(jobId="x"))),
        ],
        [("node", "add_flow")],
        "waits for no child",
    ),
    Excused(
        "a parent with colons in its id whose last child is removed",
        "Node cuts keys at the last colon, and does not find the parent",
        [
            do("upsert_scheduler", id="s", repeat={"every": 1000}, template={}),
            take(),
            add_child(),
            do("wait_for_children", held=0, child=None),
            by_node("drop_children", job=newest("waiting-children")),
        ],
        [("node", op) for op in ("drop_children", "leave_parent", "remove", "clean", "drain")],
        "job repeat:.* waits for no child",
    ),
    Excused(
        "a run of a removed scheduler, or one that runs again",
        "it waits beside the next run; when it was retried it may look as if it never ran",
        [
            do("upsert_scheduler", id="s", repeat={"every": 1000}, template={}),
            do("remove_scheduler", id="s"),
            do("upsert_scheduler", id="s", repeat={"every": 1000}, template={}),
        ],
        [(by, op) for by in ("node", "ours", "both") for op in ("remove_scheduler", "retry")],
        "runs ahead",
    ),
)


def unexcused(broken: Sequence[str], did: set[tuple[str, str]]) -> list[str]:
    """The broken invariants that no row covers.

    Args:
        broken: sentences.
        did: who did which operations.
    """
    return [each for each in broken if not _is_excused(each, did)]


def _is_excused(sentence: str, did: set[tuple[str, str]]) -> bool:
    for row in EXCUSED:
        if re.search(row.says, sentence) and not did.isdisjoint(row.steps):
            used[row.name] += 1
            return True
    return False


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
