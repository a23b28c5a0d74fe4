"""Arguments of every operation that are refused, by the name of the argument."""

from __future__ import annotations

import inspect
import math
from typing import Any

from bullrush.core import BulkJob, FlowJob, Job, Limiter, Parent
from bullrush.core.calls import operation, procedure
from bullrush.core.flow import FlowOperations
from bullrush.core.operations import Page, QueueOperations
from bullrush.core.operations.publishing import PublishingOperations

#: The fixture that has them -> the class that has the operations.
FACES: dict[str, type] = {
    "queue": QueueOperations,
    "flows": FlowOperations,
    "publisher": PublishingOperations,
}
#: What is not text, and text that Redis cannot hold.
NO_TEXT: tuple[Any, ...] = (None, 7, 1.5, True, b"x", [], {}, object(), "\ud800")
NO_WHOLE: tuple[Any, ...] = (1.5, math.nan, True, "", "x", b"1", [], object(), 2**70)
NO_NUMBER: tuple[Any, ...] = ("", "x", b"1", [], object(), None, math.nan, -1)
NO_MAPPING: tuple[Any, ...] = (7, 1.5, True, "x", b"x", ["x"], object())
NO_ROWS: tuple[Any, ...] = (None, 7, 1.5, True, object())
NO_JSON: tuple[Any, ...] = (object(), {1, 2}, math.nan, "\ud800", {"a": [b"x"]})
NO_PAGE: tuple[Any, ...] = (7, "x", [], {}, Page("x"), Page(-1), Page(0, -1), Page(0, 1.5))  # type: ignore[arg-type]

#: What an operation is given where nothing is wrong.
GIVEN: dict[str, Any] = {
    "job": Job("bull:x:", "1", {}),
    "job_id": "1",
    "parent_id": "1",
    "token": "mine",
    "name": "x",
    "jobs": [BulkJob("x")],
    "priorities": [1],
    "kind": "completed",
    "reason": "r",
    "row": "r",
    "progress": 1,
    "data": 1,
    "delay": 5,
    "priority": 1,
    "grace": 0,
    "timestamp": 1,
    "ms": 1000,
    "value": 1,
    "error": ValueError("x"),
    "deduplication_id": "d",
    "scheduler_id": "s",
    "concurrency": 1,
    "max": 1,
    "duration": 1000,
    "length": 10,
    "flow": FlowJob("x", "other"),
    "flows": [FlowJob("x", "other")],
    "queue_name": "other",
    "job_ids": ["1"],
    "shelf": "s",
    "life": 1000,
    "room": 1_000_000,
    "paused": False,
}
#: The same for one operation, where the name of an argument means something else.
GIVEN_TO: dict[str, dict[str, Any]] = {
    "get_dependencies": {"kind": "failed"},
    "upsert_job_scheduler": {"every": 1000},
    "take_away": {"state": "waiting"},
}
_FLOWS_WRONG: tuple[Any, ...] = (
    7,
    "x",
    {},
    {"name": "x"},
    {"name": "x", "queueName": "q", "wings": 1},
    {"name": 7, "queueName": "q"},
    {"name": "x", "queueName": 7},
    {"name": "x", "queueName": "q", "opts": 7},
    {"name": "x", "queueName": "q", "children": 7},
    FlowJob("x", "a:b"),
    FlowJob("x", "q", options={"wings": 1}),  # type: ignore[typeddict-unknown-key]
    FlowJob("x", "q", options=7),  # type: ignore[arg-type]
    FlowJob("x", "q", children=[FlowJob("", "q")]),
    FlowJob("x", "q", children=7),  # type: ignore[arg-type]
    FlowJob("x", "q", prefix=""),
    FlowJob("x", "q", prefix=7),  # type: ignore[arg-type]
    FlowJob("x", "q", object()),
)
#: Wrong values by the name of the argument.
WRONG: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("job_id", "parent_id", "deduplication_id", "reason", "exception"), NO_TEXT),
    **dict.fromkeys(("token", "name", "scheduler_id", "row"), NO_TEXT),
    **dict.fromkeys(("data", "value", "progress"), NO_JSON),
    **dict.fromkeys(("start", "end"), (None, *NO_WHOLE)),
    **dict.fromkeys(("keep", "before", "max_jobs", "limit"), (-1, *NO_WHOLE)),
    **dict.fromkeys(("priority", "delay", "timestamp", "grace", "length"), (None, -1, *NO_WHOLE)),
    **dict.fromkeys(("concurrency", "max", "duration", "ms", "count"), (None, 0, -1, *NO_WHOLE)),
    **dict.fromkeys(("depth", "max_children"), (None, 0, -1, *NO_WHOLE[:-1])),
    "max_events": (None, -1, *NO_WHOLE),
    **dict.fromkeys(("processed", "unprocessed", "ignored", "failed"), NO_PAGE),
    "queues_options": (*NO_MAPPING, {"other": {"wings": 1}}, {"other": 7}),
    "labels": (*NO_MAPPING, {"a b": "x"}, {"queue": "x"}, {7: "x"}),
    "fields": (*NO_MAPPING, {7: 1}, {"event": 1}, {"": 1}, {"a": object()}, {"a": "\ud800"}),
    "states": (None, 7, [], {}, "nonsense", "\ud800"),
    "kinds": (None, 7, [], {}, "nonsense", "\ud800"),
    "kind": (None, 7, [], {}, "nonsense", "\ud800"),
    "state": (None, 7, [], {}, "active", "\ud800"),
    "type": (None, 7, [], {}, "waiting-children", "\ud800"),
    "jobs": (*NO_ROWS, "x", [7], [BulkJob("")], [BulkJob("x", options={"wings": 1})]),  # type: ignore[typeddict-unknown-key]
    "priorities": (*NO_ROWS, "x", [-1], [1.5], [None], [2**21]),
    "job": (None, 7, "1", {}, object()),
    "error": (None, 7, "x", ValueError),
    "block": NO_NUMBER,
    "child": (7, True, [], {}, "\ud800", {"id": "1", "queue": "no-prefix"}, {"id": "1"}),
    "flow": (None, *_FLOWS_WRONG),
    "flows": (*NO_ROWS, [], "x", *([each] for each in _FLOWS_WRONG)),
    "queue_name": (*NO_TEXT, "", "a:b"),
    "prefix": (7, True, b"x", [1], "x:", "\ud800"),
    "every": (0, -1, *NO_WHOLE),
    "pattern": (7, "", "x", "* * *", "0 0 31 2 *", "\ud800"),
    "tz": (7, "Mars/Phobos", "Europe/Berlin"),
    "start_date": (-1, *NO_WHOLE),
    "end_date": (-1, 1, *NO_WHOLE),
    "offset": (-1, 1000, *NO_WHOLE),
    "job_ids": (*NO_ROWS, "x", [7], ["\ud800"], ["1"] * 101),
    "shelf": NO_TEXT,
    "life": (None, 0, -1, *NO_WHOLE),
    "room": (None, -1, *NO_WHOLE),
}
#: The same for one operation.
WRONG_FOR: dict[tuple[str, str], tuple[Any, ...]] = {
    ("upsert_job_scheduler", "name"): (7, "", "\ud800"),
    ("upsert_job_scheduler", "options"): (*NO_MAPPING, {"delay": 5}, {"wings": 1}),
    ("upsert_job_scheduler", "limit"): (0, -1, *NO_WHOLE),
    ("take_away", "state"): (None, 7, [], {}, "paused", "\ud800"),
    ("publish_event", "name"): (*NO_TEXT, ""),
    ("get_metrics", "kind"): (None, 7, [], {}, "active"),
    ("remove", "job_id"): (*NO_TEXT, "", "meta", "wait"),
    ("update_data", "job_id"): (*NO_TEXT, "", "meta", "id"),
}
#: Wrong keyword options.
OPTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "add": (
        {"wings": 1},
        {"delay": -1},
        {"delay": "5"},
        {"priority": 2**21},
        {"priority": 1.5},
        {"lifo": 1},
        {"attempts": -1},
        {"backoff": "x"},
        {"backoff": {"jitter": 2}},
        {"remove_on_complete": "x"},
        {"remove_on_fail": {"age": -1}},
        {"deduplication": 7},
        {"deduplication": {"id": ""}},
        {"deduplication": {"id": "x", "ttl": -1}},
        {"timestamp": -1},
        {"size_limit": 0},
        {"keep_logs": -1},
        {"stack_trace_limit": "x"},
        {"job_id": "7"},
        {"job_id": "a:b"},
        {"job_id": "meta"},
        {"job_id": 7},
        {"parent": 7},
        {"parent": {"id": "1", "queue": "no-prefix"}},
        {"parent": {"id": "", "queue": "bull:q"}},
        {"parent": Parent("1", "q"), "deduplication": "x"},
        {"fail_parent_on_failure": True, "ignore_dependency_on_failure": True},
        {"telemetry": 7},
    ),
    **dict.fromkeys(
        ("get_next_job", "move_to_completed", "move_to_failed"),
        (
            {"wings": 1},
            {"lock_duration": 0},
            {"lock_duration": "x"},
            {"limiter": 7},
            {"limiter": Limiter(0, 1)},
            {"limiter": Limiter(1, -1)},
            {"name": 7},
            {"name": "\ud800"},
        ),
    ),
}
OPTIONS |= {
    each: (*OPTIONS[each], {"metrics": "x"}, {"remove_on_complete": "x"}, {"remove_on_fail": 7})
    for each in ("move_to_completed", "move_to_failed")
}
#: Arguments that are true or false: everything is one of them.
FLAGS = {
    "ascending",
    "delayed",
    "fetch_next",
    "force",
    "immediately",
    "lifo",
    "paused",
    "remove_children",
    "reset_attempts_made",
    "reset_attempts_started",
}
#: Nothing to refuse: what they are given, if anything, is a flag, and no state is wrong.
CANNOT_BE_REFUSED = {
    **dict.fromkeys(("pause", "resume", "drain"), "does what is to be done, which may be nothing"),
    **dict.fromkeys(("is_paused", "is_maxed", "get_meta", "get_version"), "reads one setting"),
    **dict.fromkeys(("get_global_concurrency", "get_global_rate_limit"), "reads one setting"),
    **dict.fromkeys(("remove_global_concurrency", "remove_global_rate_limit"), "idempotent"),
    **dict.fromkeys(("remove_rate_limit_key", "remove_deprecated_priority_key"), "idempotent"),
    **dict.fromkeys(("count", "get_waiting_count", "get_active_count"), "counts"),
    **dict.fromkeys(("get_prioritized_count", "get_completed_count"), "counts"),
    **dict.fromkeys(("get_failed_count", "get_waiting_children_count"), "counts"),
    **dict.fromkeys(("get_job_schedulers_count", "get_workers_count"), "counts"),
    **dict.fromkeys(("get_workers", "get_queue_events"), "asks the server who is connected"),
}


def operations(face: str) -> dict[str, inspect.Signature]:
    """Every operation of a face, with what it takes."""
    kind = FACES[face]
    found = {name: inspect.getattr_static(kind, name) for name in dir(kind)}
    return {
        name: inspect.signature(each.build)
        for name, each in found.items()
        if isinstance(each, (operation, procedure))
    }


def given_to(name: str, signature: inspect.Signature) -> dict[str, Any]:
    """Arguments with which nothing is wrong, those that must be there."""
    required = {
        each.name: GIVEN[each.name]
        for each in list(signature.parameters.values())[1:]
        if each.default is each.empty
        and each.name not in GIVEN_TO.get(name, {})
        and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    }
    return required | GIVEN_TO.get(name, {})


def wrong_calls(
    name: str, signature: inspect.Signature
) -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """Calls with one wrong argument: its name, and what to call with.

    Raises:
        KeyError: an argument of which nobody has said what is wrong.
    """
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
    given = given_to(name, signature)
    for each in list(signature.parameters.values())[1:]:
        if each.name in FLAGS:
            continue
        if each.kind is each.VAR_KEYWORD:
            calls += [(str(wrong), (), given | wrong) for wrong in OPTIONS[name]]
            continue
        values = WRONG_FOR.get((name, each.name)) or WRONG[each.name]
        for wrong in values:
            what = f"{each.name}={wrong!r:.60}"
            if each.kind is each.VAR_POSITIONAL:
                calls.append((what, (*given.values(), wrong), {}))
            elif wrong is not None or each.default is not None:
                calls.append((what, (), given | {each.name: wrong}))
    return calls
