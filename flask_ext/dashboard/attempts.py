"""The runs of a job, and how the stacks of two of them differ. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import unified_diff

from bullrush.core import Job

#: Runs that are shown, the newest.
SHOWN = 100
#: Lines of a stack that are compared, the last.
COMPARED = 300


@dataclass(frozen=True)
class Attempt:
    """One run. `stack` is empty for one that did not fail, or whose text was not kept."""

    number: int
    state: str
    stack: str


@dataclass(frozen=True)
class Difference:
    """How the stacks of two runs differ.

    Args:
        choices: the numbers of the runs that can be compared.
        old, new: those that are.
        lines: (``same``, ``gone``, ``new`` or ``place``, text); none when the stacks are equal.
    """

    choices: tuple[int, ...]
    old: int
    new: int
    lines: tuple[tuple[str, str], ...]


def attempts_of(job: Job, state: str, shown: Callable[[str], str]) -> list[Attempt]:
    """Its runs, oldest first. Only the newest stacks are kept of a job with many.

    Args:
        job, state: the job and where it is.
        shown: a stack as it may be shown.
    """
    stacks = [shown(stack) for stack in job.stacktrace]
    made = max(job.attempts_made, len(stacks))
    ended_well = state == "completed"
    failures = made - ended_well if made else 0
    first_kept = failures - len(stacks)
    found = []
    for index in range(max(0, failures - SHOWN), failures):
        kept = index >= first_kept
        found.append(Attempt(index + 1, "failed", stacks[index - first_kept] if kept else ""))
    if ended_well:
        found.append(Attempt(failures + 1, "completed", ""))
    if state == "active":
        found.append(Attempt(made + 1, "active", ""))
    return found


def difference(attempts: Sequence[Attempt], old: str = "", new: str = "") -> Difference | None:
    """How two runs differ in their stacks; None when fewer than two have one.

    Args:
        attempts: the runs.
        old, new: the numbers of two of them, as text; by default the last two with a stack.
    """
    stacks = {each.number: each.stack for each in attempts if each.stack}
    if len(stacks) < 2:
        return None
    *_, before, last = sorted(stacks)
    named = {str(number): number for number in stacks}
    first, second = named.get(old, before), named.get(new, last)
    rows = unified_diff(_lines(stacks[first]), _lines(stacks[second]), lineterm="", n=3)
    kinds = {"+": "new", "-": "gone", "@": "place"}
    lines = tuple((kinds.get(row[:1], "same"), row) for row in list(rows)[2:])
    return Difference(tuple(sorted(stacks)), first, second, lines)


def _lines(stack: str) -> list[str]:
    return stack.splitlines()[-COMPARED:]
