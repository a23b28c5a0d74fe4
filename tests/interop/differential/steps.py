"""A program is a list of steps. Here a step's references ("the second newest delayed job") become
ids, so that both sides are told the same thing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

#: When every program begins, Unix ms. Nothing but the step `advance` moves the clock.
START = 1_800_000_000_123

#: A step as both sides get it: plain JSON values, ids and tokens included.
Concrete: TypeAlias = dict[str, Any]
#: What came of it: {"ok": value} or {"error": {"code", "name", "message"}}.
Result: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Ref:
    """A job by where it is and how new it is there.

    Args:
        place: a state's key (``wait``, ``delayed``, ...), ``known`` for any job that was ever
            seen, or ``nobody`` for an id that does not exist.
        age: 0 is the newest; counted round and round.
        queue: for relatives of the job that the step is about.
    """

    place: str
    age: int
    queue: str = ""


@dataclass(frozen=True)
class Step:
    """One operation, its arguments still with references.

    Args:
        op: a name that both sides know.
        args: its arguments. ``job`` is a `Ref`; ``held`` counts the jobs in somebody's hands.
        by: in mixed mode who does it.
    """

    op: str
    args: Mapping[str, Any]
    by: str = "both"


@dataclass(frozen=True)
class Held:
    """A job that was taken and of which nothing has been said yet."""

    queue: str
    job: str
    token: str
    worker: str


@dataclass
class World:
    """What the program knows while it runs.

    Args:
        look: gives the ids that are in a place of a queue now, oldest first.
    """

    look: Callable[[str, str], Sequence[str]]
    now: int = START
    tokens: int = 0
    uuids: int = 0
    known: dict[str, list[str]] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)

    def concrete(self, step: Step) -> Concrete | None:
        """The step with ids instead of references; None when there is nothing to refer to."""
        told: Concrete = {"op": step.op, "now": self.now, **step.args}
        for name, value in (("queue", "a"), ("worker", "plain"), ("by_hand", False)):
            told.setdefault(name, value)
        if step.op == "advance":
            self.now += step.args["ms"]
            told["now"] = self.now
        if "job" in told:
            told["job"] = self._job(told["queue"], told["job"])
            if told["job"] is None:
                return None
        if "parent" in told:
            self._adopt(told, told.pop("parent"))
        if "child" in told:
            told["child"] = self._relative(told["child"])
        if step.op == "add_flow":
            told["uuids"] = self._uuids(told["flow"])
        if "held" in told and not self._hold(told, told.pop("held")):
            told = {name: told[name] for name in ("now", "queue", "worker", "by_hand")}
            told["op"] = "take"  # Nothing is in anybody's hands.
        if step.op == "lose_lock" and told["op"] != "take":
            told.update(op="expire", suffix=f"{told['job']}:lock")
        if step.op == "commit_many" and not self._hold_many(told):
            return None
        if told["op"] == "take":
            self.tokens += 1
            told["token"] = f"token-{self.tokens}"
        return told

    def learn(self, told: Concrete, result: Result) -> None:
        """Take note of jobs that were made, taken or finished."""
        value = result.get("ok")
        op, queue = told["op"], told["queue"]
        if op in ("add", "upsert_scheduler") and isinstance(value, str):
            self._know(queue, value)
        elif op == "add_bulk" and isinstance(value, list):
            for each in value:
                self._know(queue, each)
        elif op == "add_flow" and isinstance(value, dict):
            self._know_tree(value)
        elif op == "take":
            self._take(told, value)
        elif op in ("complete", "fail", "delay", "give_back", "exhaust", "wait_for_children"):
            if "error" not in result or result["error"]["code"] not in (-4, -6, -9):
                self._let_go(queue, told["job"], told["token"])
            self._take(told, value)
        elif op == "commit_many" and value is not None:
            for each in told["outcomes"]:
                self._let_go(queue, each["job"], each["token"])
            for each in value[len(told["outcomes"]) :]:
                self._take(told, each.get("ok"))

    def _adopt(self, told: Concrete, ref: Ref | None) -> None:
        parent = self._relative(ref)
        if parent is not None:
            told["opts"] = {**told["opts"], "parent": parent}

    def _relative(self, ref: Ref | None) -> dict[str, str] | None:
        """A parent or a child, as options name it; the queue still without prefix."""
        if ref is None:
            return None
        queue = ref.queue or "a"
        job = self._job(queue, ref)
        return None if job is None else {"id": job, "queue": queue}

    def _uuids(self, flow: Mapping[str, Any]) -> list[str]:
        """Ids for the jobs of a flow that have none of their own, level by level."""
        level, found = [flow], []
        while level:
            for node in level:
                if "jobId" not in node["opts"]:
                    self.uuids += 1
                    found.append(f"uuid-{self.uuids}")
            level = [child for node in level for child in node["children"]]
        return found

    def _know_tree(self, tree: Mapping[str, Any]) -> None:
        self._know(tree["queue"], tree["id"])
        for child in tree["children"]:
            self._know_tree(child)

    def _know(self, queue: str, job: str) -> None:
        ids = self.known.setdefault(queue, [])
        if job not in ids:
            ids.append(job)

    def _take(self, told: Concrete, value: Any) -> None:
        job = value.get("id") if isinstance(value, dict) else None
        if job is not None:
            self._know(told["queue"], job)
            self.held.append(Held(told["queue"], job, told["token"], told["worker"]))

    def _let_go(self, queue: str, job: str, token: str) -> None:
        self.held = [
            each for each in self.held if (each.queue, each.job, each.token) != (queue, job, token)
        ]

    def _job(self, queue: str, ref: Ref) -> str | None:
        if ref.place == "nobody":
            return "nobody"
        ids = self.known.get(queue, []) if ref.place == "known" else self.look(queue, ref.place)
        return ids[-1 - ref.age % len(ids)] if ids else None

    def _hold(self, told: Concrete, age: int) -> bool:
        if not self.held:
            return False
        held = self.held[-1 - age % len(self.held)]
        told.update(queue=held.queue, job=held.job, token=held.token, worker=held.worker)
        if told.pop("foreign", False):
            told["token"] = "somebody-else"
        return True

    def _hold_many(self, told: Concrete) -> bool:
        """All of one worker, as they are in a real one."""
        free = [each for each in self.held if each.queue == told["queue"]]
        outcomes = []
        for outcome in told["outcomes"]:
            if not free:
                break
            held = free.pop(-1 - outcome["held"] % len(free))
            free = [each for each in free if each.worker == held.worker]
            rest = {name: value for name, value in outcome.items() if name != "held"}
            outcomes.append({**rest, "job": held.job, "token": held.token})
            # A job that comes with an outcome is locked by the token of that outcome.
            told.update(worker=held.worker, token=held.token)
        told["outcomes"] = outcomes
        return bool(outcomes)
