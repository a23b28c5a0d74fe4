"""What a call becomes: its options in BullMQ's words, and its headers in Celery's."""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bullrush.core import Queue
from bullrush.core.errors import InvalidOption
from bullrush.core.new_job import NewJob
from bullrush.core.options import JobOptions, check_names

from ..ids import job_id_of, uuid
from ..message import Message
from .announcing import Publication, is_heard
from .routes import route
from .task import Task

if TYPE_CHECKING:
    from .base import Celery

#: Options of Celery's `apply_async` that mean something here.
_CELERY_OPTIONS = [
    "countdown",
    "eta",
    "expires",
    "queue",
    "priority",
    "task_id",
    "ignore_result",
    "headers",
    "root_id",
    "parent_id",
    "serializer",
    "soft_time_limit",
    "time_limit",
]
_WHAT = "option of apply_async"
#: Options that name parts of other brokers, or what is always so here.
_WITHOUT_EFFECT = [
    "retry",
    "retry_policy",
    "delivery_mode",
    "mandatory",
    "connection",
    "producer",
    "add_to_parent",
    "compression",
    "routing_key",
    "exchange",
    "exchange_type",
    "immediate",
    "argsrepr",
    "kwargsrepr",
    "shadow",
]
_JOB_OPTIONS = tuple(name for name in JobOptions.__annotations__ if name not in ("job_id", "delay"))
#: Options that say where a task stands in a canvas -> their names among the headers.
_CANVAS_HEADERS = {
    "group_id": "group",
    "group_index": "group_index",
    "chord": "chord",
    "chain": "chain",
    "replaced_task_nesting": "replaced_task_nesting",
    "stamped_headers": "stamped_headers",
}
_LINKS = {"link": "callbacks", "link_error": "errbacks"}
_CANVAS_NAMES = {*_CANVAS_HEADERS, *_LINKS}
KNOWN_OPTIONS = (*_CELERY_OPTIONS, *_CANVAS_HEADERS, *_LINKS, *_WITHOUT_EFFECT, *_JOB_OPTIONS)


@dataclass(slots=True)
class Prepared:
    """A call that is ready to be sent."""

    job: NewJob
    queue: Queue
    task_id: str
    ignored: bool
    #: What tells the receivers of signals afterwards; None when there is nobody.
    publication: Publication | None = None


def prepare_call(
    app: Celery,
    name: str,
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
    task: Task | None,
    options: Mapping[str, Any],
    *,
    renew: bool = True,
    headers: Mapping[str, Any] | None = None,
) -> Prepared:
    """The job of a call. Options as `Task.apply_async`.

    Args:
        renew: whether a finished job of the same id makes way.
        headers: more of them.

    Raises:
        As `Task.apply_async`, but for what only Redis knows.
    """
    stamped = options.get("stamped_headers") or ()
    known = (*KNOWN_OPTIONS, *stamped) if stamped else KNOWN_OPTIONS
    check_names(options, known, _WHAT)
    if options.get("serializer") not in (None, "json"):
        raise InvalidOption(f"serializer={options['serializer']!r}: only 'json' is there yet")
    given, named = tuple(args or ()), dict(kwargs or {})
    defaults = defaults_of(task)
    routed = route(app.conf.task_routes, name, given, named, options)
    merged = {**defaults, **routed, **{k: v for k, v in options.items() if v is not None}}
    queue = app.queue(queue_name(merged.get("queue")) or app.conf.task_default_queue)
    task_id = str(merged.get("task_id") or uuid())
    own = headers_of(app, task, merged)
    if headers:
        own.update(headers)
    message = task.message(given, named, own) if task else Message(given, named, own)
    job_options = job_options_of(app, task, merged, own)
    job_options["job_id"] = job_id_of(task_id)
    publication = None
    if is_heard():
        publication = Publication(app, name, task_id, queue.name, message, job_options)
        message = publication.before()
    job = queue.prepare(name, message.encode(), job_options, renew=renew)
    return Prepared(job, queue, task_id, ignores_result(app, merged), publication)


def headers_of(app: Celery, task: Task | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """The ``celery`` object: only what differs from the default."""
    headers = {
        name: options[name] for name in ("root_id", "parent_id", "headers") if options.get(name)
    }
    if options.get("expires") is not None:
        headers["expires"] = moment_of(app, options["expires"]).isoformat()
    if options.get("eta") is not None:
        headers["eta"] = moment_of(app, options["eta"]).isoformat()
    limits = _time_limits(options)
    if limits:
        headers["timelimit"] = limits
    if task is not None and task.autoretry_for and options.get("attempts") is None:
        headers["derived"] = True
    for name in options.keys() & _CANVAS_NAMES:
        _take_canvas_option(headers, name, options)
    return headers


def _take_canvas_option(headers: dict[str, Any], name: str, options: Mapping[str, Any]) -> None:
    value = options[name]
    if value is None:
        return
    if name in _LINKS:
        headers[_LINKS[name]] = _frozen_links(value, name)
        return
    headers[_CANVAS_HEADERS[name]] = value
    if name == "stamped_headers":
        headers[name] = sorted(set(value))
        headers["stamps"] = {each: options[each] for each in headers[name] if each in options}


def _frozen_links(links: Any, name: str) -> list[Any]:
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
    chosen = {name: options[name] for name in _JOB_OPTIONS if options.get(name) is not None}
    if "priority" not in chosen and app.conf.task_default_priority is not None:
        chosen["priority"] = app.conf.task_default_priority
    delay = _delay_ms(app, options)
    if delay:
        chosen["delay"] = delay
    if ignores_result(app, options):
        chosen.setdefault("remove_on_complete", True)
    if task is not None and headers.get("derived"):
        chosen.update({k: v for k, v in _derived_attempts(task).items() if k not in chosen})
    if app.conf.result_expires:
        age = _seconds(app.conf.result_expires)
        for name in ("remove_on_complete", "remove_on_fail"):
            chosen.setdefault(name, {"age": age})
    return chosen


def ignores_result(app: Celery, options: Mapping[str, Any]) -> bool:
    ignore = options.get("ignore_result")
    return bool(app.conf.task_ignore_result if ignore is None else ignore)


def _delay_ms(app: Celery, options: Mapping[str, Any]) -> int:
    if options.get("eta") is not None:
        rest = moment_of(app, options["eta"]) - datetime.datetime.now(datetime.timezone.utc)
        return max(0, round(rest.total_seconds() * 1000))
    countdown = options.get("countdown") or 0
    if isinstance(countdown, bool) or not isinstance(countdown, (int, float)):
        raise InvalidOption(f"countdown is a number of s, not {countdown!r}")
    return max(0, round(countdown * 1000))


def moment_of(app: Celery, when: Any) -> datetime.datetime:
    """A moment from s from now, a timedelta, a datetime (naive: in the ``timezone`` setting) or
    ISO text.
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    if isinstance(when, (int, float)) and not isinstance(when, bool):
        return now + datetime.timedelta(seconds=when)
    if isinstance(when, datetime.timedelta):
        return now + when
    if isinstance(when, str):
        when = datetime.datetime.fromisoformat(when)
    if not isinstance(when, datetime.datetime):
        raise InvalidOption(f"eta and expires are a datetime or a number of s, not {when!r}")
    zone = zoneinfo.ZoneInfo(app.conf.timezone) if app.conf.timezone else datetime.timezone.utc
    return when if when.tzinfo else when.replace(tzinfo=zone)


def defaults_of(task: Task | None) -> dict[str, Any]:
    if task is None:
        return {}
    names = ("queue", "priority", "expires", "ignore_result")
    own = {name: getattr(task, name) for name in names if getattr(task, name) is not None}
    return {**task.job_options, **own}


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
    """[hard, soft] as Celery's messages have them, or None when the call has none of its own."""
    soft, hard = options.get("soft_time_limit"), options.get("time_limit")
    for name, value in (("soft_time_limit", soft), ("time_limit", hard)):
        wrong = isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0
        if value is not None and wrong:
            raise InvalidOption(f"{name} is a time in s above 0, not {value!r}")
    if soft is not None and hard is not None and soft > hard:
        raise InvalidOption(f"soft_time_limit={soft} is above time_limit={hard}; make it smaller")
    return None if soft is None and hard is None else [hard, soft]


def _seconds(value: Any) -> int:
    return int(value.total_seconds() if isinstance(value, datetime.timedelta) else value)


def queue_name(queue: Any) -> str | None:
    name: str | None = getattr(queue, "name", queue)
    return name
