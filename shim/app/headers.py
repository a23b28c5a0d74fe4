"""What a call becomes: its options in BullMQ's words, and its headers in Celery's."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bullrush.core.errors import InvalidOption

from ..local import running
from .moments import delay_ms, eta_of, expiry_of, is_number
from .options import JOB_OPTIONS, properties_in, tell_ignored
from .task import Task

if TYPE_CHECKING:
    from .base import Celery

#: Options of a call that the attribute of that name of a task is the default of.
EXEC_OPTIONS = (
    "queue",
    "exchange",
    "routing_key",
    "priority",
    "expires",
    "serializer",
    "compression",
    "time_limit",
    "soft_time_limit",
    "ignore_result",
)
#: Header -> the option of a call that it comes from, when they are one for one.
_HEADERS = {
    "root_id": "root_id",
    "parent_id": "parent_id",
    "headers": "headers",
    "group": "group_id",
    "group_index": "group_index",
    "chord": "chord",
    "chain": "chain",
    "shadow": "shadow",
    "argsrepr": "argsrepr",
    "kwargsrepr": "kwargsrepr",
    "reply_to": "reply_to",
    "origin": "origin",
    "replaced_task_nesting": "replaced_task_nesting",
    "retries": "retries",
}
_LINKS = {"callbacks": "link", "errbacks": "link_error"}
_PLAIN = frozenset(EXEC_OPTIONS) | {"task_id"}


def defaults_of(task: Task | None) -> dict[str, Any]:
    """The options that a task gives to each of its calls."""
    if task is None:
        return {}
    own = {name: getattr(task, name, None) for name in EXEC_OPTIONS}
    return {**task.job_options, **{name: value for name, value in own.items() if value is not None}}


def from_parent(app: Celery, options: dict[str, Any]) -> None:
    """Say from which task this one is called: the one that runs here."""
    stack = running.get()
    if not stack:
        return
    request = stack[-1][1]
    if request.called_directly or not request.id:
        return
    options.setdefault("root_id", request.root_id or request.id)
    options.setdefault("parent_id", request.id)
    if app.conf.task_inherit_parent_priority and options.get("priority") is None:
        options["priority"] = (request.delivery_info or {}).get("priority")


def add_to_parent(result: Any) -> None:
    """Make it a child of the task that runs here."""
    stack = running.get()
    if stack and not stack[-1][1].called_directly and getattr(stack[-1][0], "trail", True):
        stack[-1][1].children.append(result)


def headers_of(
    app: Celery,
    task: Task | None,
    options: Mapping[str, Any],
    given: Mapping[str, Any] | None = None,
    task_id: str = "",
) -> dict[str, Any]:
    """The ``celery`` object: only what differs from the default.

    Args:
        options: everything that counts: of the call, its route and its task.
        given: of the call alone, if that is not the same.
    """
    given = options if given is None else given
    headers: dict[str, Any] = {}
    limits = _time_limits(options)
    if options.keys() - _PLAIN:
        _fill(headers, options)
        eta = eta_of(options, app.timezone)
        if eta is not None:
            headers["eta"] = eta.isoformat()
    if limits and not (task and "time_limit" not in given and "soft_time_limit" not in given):
        headers["timelimit"] = limits
    if options.get("expires") is not None:
        headers["expires"] = expiry_of(options["expires"], app.timezone, task_id).isoformat()
    if given.get("ignore_result") is not None:
        headers["ignore_result"] = bool(given["ignore_result"])
    if task is not None and task.autoretry_for and options.get("attempts") is None:
        headers["derived"] = True
    return headers


def _fill(headers: dict[str, Any], options: Mapping[str, Any]) -> None:
    for header, option in _HEADERS.items():
        value = options.get(option)
        if value is not None and value != 0:
            headers[header] = value
    if options.get("group_index") == 0:
        headers["group_index"] = 0
    if "headers" in headers:
        headers["headers"] = dict(headers["headers"])
    for header, option in _LINKS.items():
        links = options.get(option)
        if links:
            headers[header] = frozen_links(links, option)
    stamped = options.get("stamped_headers")
    if stamped:
        headers["stamped_headers"] = sorted(set(stamped))
        headers["stamps"] = {k: options[k] for k in headers["stamped_headers"] if k in options}
    properties = properties_in(options)
    if properties:
        headers["properties"] = properties
    tell_ignored(options)


def frozen_links(links: Any, name: str) -> list[Any]:
    """Signatures that follow a task, with their ids: whoever sends one a second time after a crash
    must not double it.

    Raises:
        TypeError: something else than signatures.
    """
    found = []
    for each in links if isinstance(links, (list, tuple)) else [links]:
        if not isinstance(each, dict):
            raise TypeError(f"{name} is a signature or a list of them, not {each!r}")
        if hasattr(each, "clone"):
            each = each.clone()
            each.freeze()
        found.append(each)
    return found


def job_options_of(
    app: Celery, task: Task | None, options: Mapping[str, Any], headers: Mapping[str, Any]
) -> dict[str, Any]:
    """BullMQ's options for Celery's."""
    chosen = {name: options[name] for name in JOB_OPTIONS & options.keys()}
    priority = priority_of(app, chosen.pop("priority", None))
    if priority is not None:
        chosen["priority"] = priority
    if "eta" in headers:
        eta = eta_of(options, app.timezone)
        chosen["delay"] = delay_ms(eta) if eta is not None else 0
    if ignores_result(app, options):
        chosen.setdefault("remove_on_complete", True)
    if task is not None and headers.get("derived"):
        chosen.update({k: v for k, v in _derived_attempts(task).items() if k not in chosen})
    conf = app.conf
    failures = conf.result_failure_expires
    for name, expires in (
        ("remove_on_complete", conf.result_expires),
        ("remove_on_fail", conf.result_expires if failures is None else failures),
    ):
        if expires:
            chosen.setdefault(name, {"age": seconds_of(expires)})
    return chosen


def ignores_result(app: Celery, options: Mapping[str, Any]) -> bool:
    """Whether nobody wants the result."""
    ignore = options.get("ignore_result")
    return bool(app.conf.task_ignore_result if ignore is None else ignore)


def priority_of(app: Celery, priority: Any) -> Any:
    """BullMQ's priority for that of a call: 0 is first, then 1, 2, ...

    Raises:
        InvalidOption: it is no whole number.
    """
    conf = app.conf
    priority = conf.task_default_priority if priority is None else priority
    if priority is not None and (isinstance(priority, bool) or not isinstance(priority, int)):
        raise InvalidOption(f"priority is a whole number, not {priority!r}")
    if conf.priority_order == "higher-first":  # RabbitMQ's order, where none is the lowest
        most = conf.task_queue_max_priority or 9
        return most - min(max(priority or 0, 0), most)
    return priority


def seconds_of(value: Any) -> int:
    """s, of a number or a timedelta."""
    return int(value.total_seconds() if isinstance(value, datetime.timedelta) else value)


def _derived_attempts(task: Task) -> dict[str, Any]:
    """What a Node worker needs to retry as Celery would."""
    if task.max_retries is None:
        return {}
    kind = "exponential" if task.retry_backoff else "fixed"
    first = (
        1.0 if task.retry_backoff is True else float(task.retry_backoff or task.default_retry_delay)
    )
    return {
        "attempts": task.max_retries + 1,
        "backoff": {"type": kind, "delay": round(first * 1000)},
    }


def _time_limits(options: Mapping[str, Any]) -> list[float | None] | None:
    """[hard, soft] as Celery's messages have them, or None when there are none."""
    soft, hard = options.get("soft_time_limit"), options.get("time_limit")
    for name, value in (("soft_time_limit", soft), ("time_limit", hard)):
        if value is not None and not (is_number(value) and value > 0):
            raise InvalidOption(f"{name} is a time in s above 0, not {value!r}")
    if soft is not None and hard is not None and soft > hard:
        raise InvalidOption(f"soft_time_limit={soft} is above time_limit={hard}; make it smaller")
    return None if soft is None and hard is None else [hard, soft]


def queue_name(queue: Any) -> str | None:
    """The name of a queue of kombu, or a name as it is."""
    name: str | None = getattr(queue, "name", queue)
    return name
