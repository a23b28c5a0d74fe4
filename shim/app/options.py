"""Options of a call (`apply_async`, `send_task`, signatures): which there are, and what becomes of
each.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping
from typing import Any

from bullrush.core.errors import InvalidOption
from bullrush.core.options import JobOptions

from ..compatibility import ACCEPTED, Row, accepted, works

logger = logging.getLogger("bullrush.app.options")

_CALLS = "tests/shim/test_calling.py"
_ROUTES = "tests/shim/test_routing.py"
_CODING = "tests/shim/test_serializers.py"
_PLUMBING = "kombu's own plumbing; there is nothing of that kind here"
_BROKERS = "means something to other brokers only"

CALL_OPTIONS: tuple[Row, ...] = (
    works("args", _CALLS),
    works("kwargs", _CALLS),
    works("countdown", _CALLS, "wins over eta; 0 is none; the task waits in Redis"),
    works("eta", _CALLS, "a naive one is UTC"),
    works("expires", _CALLS),
    works("queue", _ROUTES, "a name or a kombu Queue"),
    works("exchange", _ROUTES, "with routing_key: the queues of task_queues that are bound so"),
    works("routing_key", _ROUTES),
    works("priority", _CALLS, "0 runs first; all ten differ, and there are more"),
    works("task_id", _CALLS, "an id in use by a waiting or running task sends nothing"),
    works("link", _CALLS),
    works("link_error", _CALLS),
    works("ignore_result", _CALLS),
    works("soft_time_limit", _CALLS),
    works("time_limit", _CALLS),
    works("headers", _CALLS),
    works("serializer", _CODING),
    works("compression", _CODING),
    works("retry", _CALLS),
    works("retry_policy", _CALLS),
    works("shadow", _CALLS),
    works("add_to_parent", _CALLS),
    works("root_id", _CALLS),
    works("parent_id", _CALLS),
    works("group_id", _CALLS),
    works("group_index", _CALLS),
    works("chord", _CALLS),
    works("chain", _CALLS),
    works("stamped_headers", _CALLS, "and one option for each stamp"),
    works("replaced_task_nesting", _CALLS),
    works("retries", _CALLS),
    works("reply_to", _CALLS),
    works("origin", _CALLS),
    works("argsrepr", _CALLS),
    works("kwargsrepr", _CALLS),
    works("result_cls", _CALLS),
    works("router", _ROUTES),
    works("task_type", _ROUTES, "given to functions in task_routes"),
    works("route_name", _ROUTES, "looked up in task_routes instead of the task's name"),
    Row("producer", ACCEPTED, "not needed"),
    Row("publisher", ACCEPTED, "not needed"),
    Row("connection", ACCEPTED, "not needed"),
    accepted("timeout", _PLUMBING),
    accepted("confirm_timeout", _PLUMBING),
    accepted("declare", _PLUMBING),
    accepted("event_dispatcher", _PLUMBING),
    accepted("mandatory", _BROKERS),
    accepted("immediate", _BROKERS),
    accepted("delivery_mode", _BROKERS),
    accepted("exchange_type", _BROKERS),
    accepted("expiration", _BROKERS),
    works("any other name", _CALLS, "a property of the message, in request.properties"),
)
JOB_OPTIONS = frozenset(JobOptions.__annotations__) - {"job_id", "delay"}
_BY_NAME = {row.name: row for row in CALL_OPTIONS}
_SILENT = frozenset({"producer", "publisher", "connection"})
_IGNORED = {row.name for row in CALL_OPTIONS if row.status == ACCEPTED}
KNOWN = frozenset(_BY_NAME) | JOB_OPTIONS
_told: set[str] = set()


def properties_in(options: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the options say that no option of a call is: properties of the message.

    Raises:
        InvalidOption: a name that looks like a slip of a known one.
    """
    unknown = options.keys() - KNOWN
    if not unknown:
        return None
    unknown -= set(options.get("stamped_headers") or ())
    for name in sorted(unknown):
        near = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.8)
        if near:
            raise InvalidOption(
                f"unknown option of apply_async {name!r}; did you mean {near[0]!r}?"
            )
    return {name: options[name] for name in sorted(unknown)}


def tell_ignored(options: Mapping[str, Any]) -> None:
    """Say once in the log of each option that has no effect."""
    for name in options.keys() & _IGNORED:
        if name not in _SILENT and name not in _told and options[name] is not None:
            _told.add(name)
            logger.warning(
                "the option %s of apply_async has no effect: %s", name, _BY_NAME[name].note
            )
