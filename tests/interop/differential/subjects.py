"""What programs are made of: operations and options, by subject."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .failures import failure
from .steps import START, Ref

Strategy = st.SearchStrategy

_AGES = st.integers(0, 5)
DATA = st.sampled_from([{}, {"n": 1}, [1, "ä", None], "text", 0.5, {"deep": {"list": []}}])
NAMES = st.sampled_from(["send", "count"])
_VALUES = st.sampled_from([None, 1, {"sum": [1, 2]}, "done", [], False])


def ref(*places: str) -> Strategy[Ref]:
    """A job that is mostly in one of these places."""
    return st.builds(Ref, st.sampled_from([*places, *places, *places, "known", "nobody"]), _AGES)


def relative(*places: str) -> Strategy[Ref | None]:
    """A parent or a child, mostly of a job in one of these places; or none."""
    some = st.builds(
        Ref, st.sampled_from([*places, "known", "nobody"]), _AGES, st.sampled_from(["a", "a", "b"])
    )
    return st.one_of(st.none(), some)


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
_POLICIES = (
    "failParentOnFailure",
    "continueParentOnFailure",
    "ignoreDependencyOnFailure",
    "removeDependencyOnFailure",
)
#: Subject -> options of the jobs that are added.
OPTIONS: dict[str, dict[str, Strategy[Any]]] = {
    "plain": {"attempts": st.integers(1, 3)},
    "order": {
        "lifo": st.booleans(),
        "priority": st.sampled_from([0, 1, 2, 2097151]),
        "delay": st.sampled_from([0, 1000, 5000]),
        "timestamp": st.sampled_from([START, START - 1123]),
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
    "flows": {
        "delay": st.sampled_from([0, 1000]),
        "priority": st.sampled_from([0, 1]),
        "removeOnComplete": st.just(True),
        "removeOnFail": st.just(True),
        "policy": st.sampled_from(_POLICIES),
    },
    "notes": {"keepLogs": st.integers(1, 2), "sizeLimit": st.just(1000)},
}

_BOUNDS = {
    "limit": st.integers(1, 3),
    "startDate": st.sampled_from([START - 5000, START, START + 1500, START + 5000]),
    "endDate": st.sampled_from([START + 5000, START + 5877, START + 9877, START + 1_000_000]),
}
_EVERY = st.fixed_dictionaries(
    {"every": st.sampled_from([1000, 1000, 2500, 60_000])},
    optional={**_BOUNDS, "offset": st.sampled_from([0, 123, 124, 500, 999])},
)
_PATTERN = st.fixed_dictionaries(
    {
        "pattern": st.sampled_from(
            ["*/3 * * * * *", "* * * * *", "0 9 * * MON", "0 0 L * *", "@hourly", "0 0 31 2 *"]
        ),
    },
    optional={
        **_BOUNDS,
        "tz": st.sampled_from(["Europe/Madrid", "UTC"]),
        "immediately": st.just(True),
    },
)
_REPEAT = st.one_of(_EVERY, _PATTERN)
_RUN_OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "priority": st.sampled_from([0, 1, 3]),
        "attempts": st.sampled_from([0, 2]),
        "lifo": st.just(True),
        "deduplication": st.just({"id": "d"}),
        "keepLogs": st.just(3),
        "removeOnComplete": st.sampled_from([True, 1]),
    },
)
_TEMPLATE = st.fixed_dictionaries({}, optional={"name": NAMES, "data": DATA, "opts": _RUN_OPTIONS})

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
    st.fixed_dictionaries(
        {"op": st.just("delay"), **_HELD, "delay": st.sampled_from([0, 1000, 5000])}
    ),
    st.fixed_dictionaries({"op": st.just("give_back"), **_HELD}),
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
        "update_data": {"job": ref("active", "wait"), "data": DATA},
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
        "sweep": {"again": st.sampled_from([True, True, False])},
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
        "exhaust": {**_HELD, "ms": st.sampled_from([120_000, 240_000])},
        "expire": {"suffix": st.just("limiter")},
    },
    "batches": {
        "commit_many": {
            "outcomes": st.lists(_OUTCOME, min_size=1, max_size=3),
            "most": st.integers(0, 2),
        },
    },
    "flows": {
        "wait_for_children": {**_HELD, **_FOREIGN, "child": relative("wait")},
        "leave_parent": {"job": ref("wait", "delayed", "active", "completed")},
        "drop_children": {"job": ref("waiting-children", "active")},
        "remove": {
            "job": ref("waiting-children", "wait", "active", "completed"),
            "children": st.booleans(),
        },
        "retry": {
            "job": ref("failed", "completed"),
            "state": st.sampled_from(["failed", "failed", "completed"]),
            "reset_made": st.booleans(),
            "reset_started": st.booleans(),
        },
        "ask family": {"job": ref("waiting-children", "active", "completed", "wait")},
        "ask flow": {"job": ref("waiting-children", "active", "completed", "wait")},
    },
    "clearing": {
        "drain": {"delayed": st.booleans()},
        "clean": {
            "grace": st.sampled_from([0, 1000, 60_000]),
            "limit": st.sampled_from([0, 0, 1, 2]),
            "type": st.sampled_from(
                ["completed", "failed", "active", "wait", "delayed", "prioritized"]
            ),
        },
        "obliterate": {"force": st.booleans()},
        "remove_orphans": {},
        "lose_lock": {**_HELD},
    },
    "schedulers": {
        "upsert_scheduler": {
            "id": st.sampled_from(["s", "s", "t:u"]),
            "repeat": _REPEAT,
            "template": _TEMPLATE,
        },
        "remove_scheduler": {"id": st.sampled_from(["s", "t:u"])},
        "remove": {"job": ref("delayed", "wait")},
        "promote": {"job": ref("delayed")},
        "advance": {"ms": st.sampled_from([1000, 1000, 500, 877, 2500, 3600, 60_000])},
        "ask schedulers": {
            "asc": st.booleans(),
            "start": st.integers(-2, 1),
            "end": st.integers(-2, 3),
        },
    },
    "own events": {
        "publish": {
            "event": st.sampled_from(["hello", "progress"]),
            "fields": st.sampled_from([{}, {"jobId": "1", "data": "7"}, {"text": "ä"}]),
        },
    },
    "metrics": {
        "ask metrics": {"kind": st.sampled_from(["completed", "failed"])},
        "ask prometheus": {},
        "take": {"worker": st.just("counting"), "by_hand": st.booleans()},
    },
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

#: Subject -> steps that belong together, which chance would rarely put in a row. What is given here
#: is fixed; the rest is as in the tables above.
SEQUENCES: dict[str, list[list[tuple[str, dict[str, Any]]]]] = {
    "work": [
        [("take", {}), ("complete", {"held": 0})],
        [("take", {}), ("fail", {"held": 0})],
    ],
    "locks": [
        [
            ("take", {}),
            ("lose_lock", {"held": 0}),
            ("sweep", {"again": True}),
            ("sweep", {"again": True}),
        ]
    ],
    "flows": [
        [
            ("take", {"queue": "a"}),
            ("add", {"parent": Ref("active", 0, "a")}),
            ("wait_for_children", {"held": 0, "child": None, "foreign": False}),
        ],
        [("take", {"queue": "a"}), ("add", {"parent": Ref("active", 0, "a")})],
    ],
    "schedulers": [
        [("advance", {"ms": 2000}), ("take", {}), ("complete", {"held": 0})],
        [("upsert_scheduler", {"id": "s"}), ("take", {})],
    ],
    "retrying": [[("take", {}), ("fail", {"held": 0}), ("take", {}), ("fail", {"held": 0})]],
}
