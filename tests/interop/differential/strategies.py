"""Random programs. A program keeps to a few subjects, so that their operations meet each other."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from typing import Any

from hypothesis import strategies as st

from .failures import failure
from .steps import Ref, Step

Strategy = st.SearchStrategy

_AGES = st.integers(0, 5)
_DATA = st.sampled_from([{}, {"n": 1}, [1, "ä", None], "text", 0.5, {"deep": {"list": []}}])
_NAMES = st.sampled_from(["send", "count"])
_VALUES = st.sampled_from([None, 1, {"sum": [1, 2]}, "done", [], False])


def ref(*places: str) -> Strategy[Ref]:
    """A job that is mostly in one of these places."""
    return st.builds(Ref, st.sampled_from([*places, *places, *places, "known", "nobody"]), _AGES)


def _some(options: dict[str, Strategy[Any]], most: int = 3) -> Strategy[dict[str, Any]]:
    """A few of these options."""
    pairs = [st.tuples(st.just(name), values) for name, values in options.items()]
    return st.lists(st.one_of(pairs), max_size=most, unique_by=lambda pair: pair[0]).map(dict)


_KEEP = st.sampled_from(
    [
        *(True, False, 0, 1, 2),
        *({"count": 1}, {"age": 60}, {"age": 60, "limit": 1}, {"count": 2, "age": 5}),
    ]
)
_DEDUPLICATION = st.fixed_dictionaries(
    {"id": st.sampled_from(["d", "e"])},
    optional={
        "ttl": st.sampled_from([120_000, 240_000]),
        "extend": st.just(True),
        "replace": st.just(True),
        "reschedule": st.just(True),
        "keepLastIfActive": st.just(True),
    },
)
_BACKOFF = st.sampled_from(
    [
        1000,
        {"type": "fixed", "delay": 1000},
        {"type": "exponential", "delay": 500},
        {"type": "exponential", "delay": 500, "jitter": 0.5},
        {"type": "fixed", "delay": 0},
    ]
)
_OPTIONS: dict[str, dict[str, Strategy[Any]]] = {
    "plain": {"attempts": st.integers(1, 3)},
    "order": {
        "lifo": st.booleans(),
        "priority": st.sampled_from([0, 1, 2, 2097151]),
        "delay": st.sampled_from([0, 1000, 5000]),
        "timestamp": st.sampled_from([1_800_000_000_123, 1_799_999_999_000]),
    },
    "ids": {"jobId": st.sampled_from(["x", "y", "z1"])},
    "deduplication": {
        "deduplication": _DEDUPLICATION,
        "delay": st.sampled_from([0, 1000, 5000]),
        "priority": st.sampled_from([0, 1]),
        "lifo": st.booleans(),
        "jobId": st.sampled_from(["x", "y"]),
    },
    "keeping": {"removeOnComplete": _KEEP, "removeOnFail": _KEEP},
    "retrying": {
        "attempts": st.integers(1, 3),
        "backoff": _BACKOFF,
        "stackTraceLimit": st.integers(0, 2),
        "priority": st.sampled_from([0, 1]),
        "lifo": st.booleans(),
    },
    "notes": {"keepLogs": st.integers(1, 2), "sizeLimit": st.just(1000)},
}

_HELD = {"held": _AGES}
_FOREIGN = {"foreign": st.sampled_from([False] * 7 + [True])}
_FAILURES = [failure("no luck"), failure("ä\nb"), failure("never", unrecoverable=True)]
_FAILURE = {"failure": st.sampled_from(_FAILURES)}
_FINISH = {"fetch": st.booleans(), "by_hand": st.booleans()}
_STATES = ["waiting", "active", "delayed", "prioritized", "completed", "failed"]
_WHICH = {
    "states": st.lists(st.sampled_from(_STATES), max_size=2, unique=True),
    "start": st.integers(-2, 2),
    "end": st.integers(-2, 3),
    "asc": st.booleans(),
}
_OUTCOME = st.one_of(
    st.fixed_dictionaries({"op": st.just("complete"), **_HELD, "value": _VALUES}),
    st.fixed_dictionaries({"op": st.just("fail"), **_HELD, **_FAILURE}),
)

#: Subject -> its operations and their arguments. "work" and "plain" are part of every program.
SUBJECTS: dict[str, dict[str, dict[str, Strategy[Any]]]] = {
    "work": {
        "take": {"worker": st.sampled_from(["plain", "named"]), "by_hand": st.booleans()},
        "complete": {**_HELD, **_FINISH, "value": _VALUES},
        "fail": {**_HELD, **_FINISH, **_FAILURE},
        "advance": {"ms": st.sampled_from([1, 999, 1000, 5000, 60_000, 3_600_000])},
    },
    "plain": {},
    "order": {
        "promote": {"job": ref("delayed")},
        "promote_jobs": {},
        "change_delay": {"job": ref("delayed"), "delay": st.sampled_from([0, 1000, 9000])},
        "change_priority": {
            "job": ref("prioritized", "wait", "delayed", "active"),
            "priority": st.sampled_from([0, 1, 2, 2097151]),
            "lifo": st.booleans(),
        },
    },
    "ids": {"remove": {"job": ref("wait", "active", "completed")}},
    "deduplication": {
        "expire": {"suffix": st.sampled_from(["de:d", "de:e"])},
        "remove": {"job": ref("wait", "delayed", "active")},
        "remove_deduplication_key": {"deduplication": st.sampled_from(["d", "e"])},
        "remove_deduplication_key ": {"job": ref("wait", "delayed", "active")},
    },
    "keeping": {"take": {"worker": st.just("keeping"), "by_hand": st.booleans()}},
    "retrying": {
        "retry": {
            "job": ref("failed", "completed"),
            "state": st.sampled_from(["failed", "failed", "completed"]),
            "reset_made": st.booleans(),
            "reset_started": st.booleans(),
        },
        "retry_jobs": {"state": st.sampled_from(["failed", "completed"])},
        "promote": {"job": ref("delayed")},
        "take": {"worker": st.just("starting"), "by_hand": st.booleans()},
    },
    "notes": {
        "progress": {"job": ref("active", "wait"), "value": _VALUES},
        "log": {"job": ref("active", "wait"), "row": st.sampled_from(["one", "two"])},
        "clear_logs": {"job": ref("active", "wait"), "keep": st.sampled_from([None, 0, 1])},
        "update_data": {"job": ref("active", "wait"), "data": _DATA},
    },
    "moves": {
        "delay": {**_HELD, **_FOREIGN, "delay": st.sampled_from([0, 1000, 5000])},
        "give_back": {**_HELD, **_FOREIGN},
    },
    "locks": {
        "complete": {**_HELD, **_FOREIGN, **_FINISH, "value": _VALUES},
        "fail": {**_HELD, **_FOREIGN, **_FINISH, **_FAILURE},
        "extend_lock": {**_HELD, **_FOREIGN, "lock_ms": st.sampled_from([300_000, 600_000])},
        "lose_lock": {**_HELD},
        "sweep": {},
        "expire": {"suffix": st.just("stalled-check")},
        "remove": {"job": ref("active")},
    },
    "stop": {"pause": {}, "resume": {}},
    "limits": {
        "take": {"worker": st.just("limited"), "by_hand": st.booleans()},
        "set_concurrency": {"concurrency": st.sampled_from([None, 1, 2])},
        "set_rate": {
            "max": st.sampled_from([None, 1, 2]),
            "duration": st.sampled_from([120_000, 240_000]),
        },
        "rate_limit": {"ms": st.sampled_from([None, 120_000])},
        "expire": {"suffix": st.just("limiter")},
    },
    "batches": {
        "commit_many": {
            "outcomes": st.lists(_OUTCOME, min_size=1, max_size=3),
            "most": st.integers(0, 2),
        },
    },
    "metrics": {"take": {"worker": st.just("counting"), "by_hand": st.booleans()}},
    "looks": {
        "ask counts": {"states": st.lists(st.sampled_from(_STATES), max_size=2, unique=True)},
        "ask count": {"ahead": st.sampled_from([0, 1000, 5001])},
        "ask priorities": {"priorities": st.just([0, 1, 2])},
        "ask ranges": _WHICH,
        "ask jobs": _WHICH,
        "ask job": {"job": ref("active", "wait", "completed", "failed", "delayed")},
        "ask logs": {
            "job": ref("active", "wait"),
            "start": st.integers(-2, 1),
            "end": st.integers(-2, 1),
            "asc": st.booleans(),
        },
        "ask settings": {},
    },
}

#: Where a program works.
_QUEUES = (("a",), ("a",), ("a", "b"))


@cache
def _step(op: str, subject: str, queues: tuple[str, ...]) -> Strategy[Step]:
    args = SUBJECTS[subject][op]
    # "ask counts": the step `ask`, and what it asks. A blank at the end keeps two forms apart.
    name, _, what = op.partition(" ")
    if what:
        args = {"what": st.just(what), **args}
    return st.builds(Step, st.just(name), st.fixed_dictionaries(_somewhere(args, queues)))


@cache
def _adding(subjects: tuple[str, ...], queues: tuple[str, ...]) -> list[Strategy[Step]]:
    """Steps that add jobs with options of the program's subjects."""
    options: dict[str, Strategy[Any]] = {}
    for subject in subjects:
        options.update(_OPTIONS.get(subject, {}))
    added = {"name": _NAMES, "data": _DATA, "opts": _some(options)}
    bulk = {"jobs": st.lists(st.fixed_dictionaries(added), min_size=1, max_size=3)}
    add, add_bulk = (
        st.builds(Step, st.just(op), st.fixed_dictionaries(_somewhere(args, queues)))
        for op, args in (("add", added), ("add_bulk", bulk))
    )
    return [add, add, add_bulk]


@cache
def _part(subjects: tuple[str, ...], queues: tuple[str, ...]) -> Strategy[list[Step]]:
    """Some steps of the program's subjects."""
    steps = _adding(subjects, queues)
    for subject in subjects:
        steps = [*steps, *(_step(op, subject, queues) for op in SUBJECTS[subject])]
    return st.lists(st.one_of(steps), max_size=16)


def _somewhere(args: dict[str, Strategy[Any]], queues: tuple[str, ...]) -> dict[str, Strategy[Any]]:
    """A job in somebody's hands says itself where it is from; everything else says it here."""
    return args if "held" in args else {**args, "queue": st.sampled_from(queues)}


_CHOICES = st.lists(
    st.sampled_from([name for name in SUBJECTS if name not in ("work", "plain")]),
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
    return [step for _ in range(5) for step in draw(part)]


def mixed_programs() -> Strategy[list[Step]]:
    """As `programs`, and each step says who does it."""
    sides = st.sampled_from(["ours", "node"])
    steps = programs().flatmap(
        lambda program: st.tuples(*(sides.map(partial(_by, step)) for step in program))
    )
    return steps.map(list)


def _by(step: Step, side: str) -> Step:
    return replace(step, by=side)
