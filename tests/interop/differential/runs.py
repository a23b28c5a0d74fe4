"""Running a program: on both sides and compared, or by turns on one queue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from bullrush.core.drivers import Driver
from tests.support.node_peer import NodePeer

from . import snapshot
from .comparison import Difference, differences, inside
from .invariants import violations
from .ours import Ours
from .steps import Concrete, Result, Step, World
from .wanted import Ended, is_avoided, is_refused, rewrite, unexcused, unwanted

#: What every key of a side starts with. As long as each other, so that no length depends on it.
NODE, OURS, MIXED = "machine-n", "machine-o", "machine-m"
#: Errors that no program may lead to: the server refused what a script did.
_CRASHES = ("ReplyError", "ServerError", "TypeError", "KeyError")


class Machine:
    """Runs programs on a Node process and on our library.

    Args:
        node: a process that runs `differential.js`.
        driver: a connection to the same Redis.
    """

    def __init__(self, node: NodePeer, driver: Driver) -> None:
        self.node = node
        self.driver = driver
        self.ours = Ours(driver, OURS)
        self.mixed = Ours(driver, MIXED)

    def compare(self, program: Sequence[Step]) -> str | None:
        """Run the program on two sets of queues and compare all that is left of it.

        Returns:
            None when only wanted things differ, else the program and what differs.
        """
        self._begin(self.ours)
        told, mine = self._run_ours(program)
        theirs = self.node.request("run", timeout=60, prefix=NODE, steps=told)
        left = snapshot.read(self.driver, NODE), snapshot.read(self.driver, OURS)
        ended = Ended(told, *left)
        rewrite(ended)
        found = [*_answers(told, theirs, mine), *differences(*left)]
        unexpected = unwanted(found, ended)
        if not unexpected:
            return None
        answers = [
            f"node {_answer(one)}   ours {_answer(two)}"
            for one, two in zip(theirs, mine, strict=True)
        ]
        return _report("Node and bullrush differ", told, answers, unexpected)

    def take_turns(self, program: Sequence[Step]) -> str | None:
        """Run the program on one set of queues, each step by the side it names, and look at what
        is left of it.

        Returns:
            None when every invariant holds, else the program and what is broken.
        """
        self._begin(self.mixed)
        world, told, answers, crashes = World(self.mixed.look), [], [], []
        did = set()
        for step in program:
            concrete = world.concrete(step)
            if concrete is None:
                continue
            result = self._run_one(step.by, concrete)
            world.learn(concrete, result)
            told.append(concrete)
            answers.append(f"{step.by} {_answer(result)}")
            did.add((step.by, concrete["op"]))
            if "error" in result and result["error"]["name"] in _CRASHES:
                crashes.append(f"step {len(told)}: {result['error']['message']}")
        broken = violations(snapshot.read(self.driver, MIXED))
        broken = crashes + unexcused(broken, did)
        return _report("invariants are broken", told, answers, broken) if broken else None

    def clear(self) -> None:
        """Leave nothing behind."""
        snapshot.forget(self.driver, NODE, OURS, MIXED)

    def _begin(self, ours: Ours) -> None:
        self.clear()
        ours.forget()
        self.node.request("forget")

    def _run_ours(self, program: Iterable[Step]) -> tuple[list[Concrete], list[Result]]:
        world = World(self.ours.look)
        told, results = [], []
        for step in program:
            concrete = world.concrete(step)
            if concrete is not None and not is_avoided(concrete, self.ours):
                result = self.ours.run(concrete)
                if is_refused(concrete, result, self.ours):
                    continue
                world.learn(concrete, result)
                told.append(concrete)
                results.append(result)
        return told, results

    def _run_one(self, by: str, step: Concrete) -> Result:
        if by != "node":
            return self.mixed.run(step)
        results: list[Result] = self.node.request("run", timeout=60, prefix=MIXED, steps=[step])
        return results[0]


def _report(
    what: str, told: Sequence[Concrete], answers: Sequence[str], facts: Sequence[object]
) -> str:
    lines = [f"{what} after this program:"]
    for number, (step, answer) in enumerate(zip(told, answers, strict=True), 1):
        lines += [f"{number:3}. {_readable(step)}", f"       {answer}"]
    return "\n".join([*lines, "namely:", *(f"  {each}" for each in facts)])


def _readable(step: Concrete) -> str:
    """A step as a person would write it down."""
    usual = {"op": step["op"], "now": step["now"], "worker": "plain", "by_hand": False}
    rest = {name: value for name, value in step.items() if usual.get(name, ...) != value}
    arguments = (f"{name}={json.dumps(rest[name], ensure_ascii=False)}" for name in rest)
    return f"{step['op']}({', '.join(arguments)})"


def _answers(
    told: Sequence[Concrete], node: Sequence[Result], ours: Sequence[Result]
) -> Iterable[Difference]:
    for number, (step, theirs, mine) in enumerate(zip(told, node, ours, strict=True), 1):
        pair = _comparable(theirs, NODE), _comparable(mine, OURS)
        yield from inside(f"step {number}", step["op"], *pair)


def _comparable(result: Any, prefix: str) -> Any:
    """Texts of errors differ; codes must not. What has no code was refused on both sides."""
    if isinstance(result, str):
        return result.replace(prefix, "bull")
    if isinstance(result, list):
        return [_comparable(each, prefix) for each in result]
    if not isinstance(result, dict):
        return result
    if "error" in result:
        return f"error {result['error']['code']}"
    if result.keys() == {"ok"}:
        return _comparable(result["ok"], prefix)
    return {
        name.replace(prefix, "bull"): _comparable(value, prefix) for name, value in result.items()
    }


def _answer(result: Result) -> str:
    if "error" in result:
        error = result["error"]
        return f"{error['name']}({error['code']}): {error['message']}"
    return json.dumps(result["ok"], ensure_ascii=False)
