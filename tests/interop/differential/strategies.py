"""Random programs. A program keeps to a few subjects, so that their operations meet each other."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from typing import Any

from hypothesis import strategies as st

from .steps import Step
from .subjects import DATA, NAMES, OPTIONS, SEQUENCES, SUBJECTS, relative

Strategy = st.SearchStrategy
#: Name of an operation -> its arguments.
Table = dict[str, dict[str, Strategy[Any]]]
Subjects = tuple[str, ...]
Queues = tuple[str, ...]

#: Where a program works.
_QUEUES = (("a",), ("a",), ("a", "b"))
_OTHERS = [name for name in SUBJECTS if name not in ("work", "plain")]
_CHOICES = st.lists(
    st.sampled_from([*_OTHERS, "flows", "flows", "schedulers", "schedulers"]),
    min_size=1,
    max_size=3,
    unique=True,
)


@st.composite
def programs(draw: st.DrawFn) -> list[Step]:
    """A list of steps. Shrinks to few steps with few options."""
    subjects = ("work", "plain", *sorted(draw(_CHOICES)))
    part = _part(subjects, draw(st.sampled_from(_QUEUES)))
    # One list of hypothesis is short; parts make programs longer, and shrink as well.
    return [step for _ in range(8) for some in draw(part) for step in some]


def mixed_programs() -> Strategy[list[Step]]:
    """As `programs`, and each step says who does it."""
    sides = st.sampled_from(["ours", "node"])
    steps = programs().flatmap(
        lambda program: st.tuples(*(sides.map(partial(_by, step)) for step in program))
    )
    return steps.map(list)


def _by(step: Step, side: str) -> Step:
    return replace(step, by=side)


@cache
def _part(subjects: Subjects, queues: Queues) -> Strategy[list[list[Step]]]:
    """Some steps of the program's subjects; about half of them add, take and finish."""
    adding = _adding(subjects, queues)
    table: Table = dict(adding)
    for subject in subjects:
        table = {**SUBJECTS[subject], **table}
    usual = [_step(op, args, queues) for op, args in [*adding.items(), *SUBJECTS["work"].items()]]
    usual += [_sequence(each, table, queues) for each in SEQUENCES["work"]]
    others: list[Strategy[list[Step]]] = []
    for subject in subjects[1:]:
        others += [_step(op, args, queues) for op, args in SUBJECTS[subject].items()]
        others += [_sequence(each, table, queues) for each in SEQUENCES.get(subject, [])] * 2
    steps = [*usual * max(1, round(len(others) / len(usual))), *others]
    # Not one_of, to which a strategy that is there thrice is as good as one.
    return st.lists(st.integers(0, len(steps) - 1).flatmap(steps.__getitem__), max_size=16)


def _adding(subjects: Subjects, queues: Queues) -> Table:
    """Operations that add jobs with options of the program's subjects."""
    options: dict[str, Strategy[Any]] = {}
    for subject in subjects:
        options.update(OPTIONS.get(subject, {}))
    job = {"name": NAMES, "data": DATA, "opts": _some(options)}
    bulk = {"jobs": st.lists(st.fixed_dictionaries(job), min_size=1, max_size=3)}
    if "flows" not in subjects:
        return {"add": job, "add_bulk": bulk}
    child = {**job, "parent": relative("active", "waiting-children", "completed")}
    return {"add": child, "add_bulk": bulk, "add_flow": {"flow": _tree(job, queues)}}


def _tree(job: dict[str, Strategy[Any]], queues: Queues) -> Strategy[dict[str, Any]]:
    """A job of a flow with what is below it, three levels at most."""
    node = {**job, "queueName": st.sampled_from(queues)}
    children: Strategy[Any] = st.just([])
    for _ in range(2):
        below = st.fixed_dictionaries({**node, "children": children})
        children = st.lists(below, max_size=2)
    return st.fixed_dictionaries({**node, "children": children})


def _some(options: dict[str, Strategy[Any]], most: int = 3) -> Strategy[dict[str, Any]]:
    """A few of these options."""
    pairs = [st.tuples(st.just(name), values) for name, values in options.items()]
    some = st.lists(st.one_of(pairs), max_size=most, unique_by=lambda pair: pair[0]).map(dict)
    return some.map(_with_policy) if "policy" in options else some


def _with_policy(options: dict[str, Any]) -> dict[str, Any]:
    policy = options.pop("policy", None)
    return {**options, policy: True} if policy else options


def _sequence(
    sequence: list[tuple[str, dict[str, Any]]], table: Table, queues: Queues
) -> Strategy[list[Step]]:
    steps = [
        _step(op, {**table[op], **{name: st.just(value) for name, value in fixed.items()}}, queues)
        for op, fixed in sequence
    ]
    return st.tuples(*steps).map(lambda parts: [step for part in parts for step in part])


def _step(op: str, args: dict[str, Strategy[Any]], queues: Queues) -> Strategy[list[Step]]:
    # "ask counts": the step `ask`, and what it asks. A blank at the end keeps two forms apart.
    name, _, what = op.partition(" ")
    if what:
        args = {"what": st.just(what), **args}
    if "held" not in args:  # A job in somebody's hands says itself where it is from.
        args = {"queue": st.sampled_from(queues), **args}
    return st.fixed_dictionaries(args).map(lambda given: [Step(name, given)])
