"""What an entry becomes as a job scheduler of BullMQ, if it can become one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bullrush.core.options import JobOptions
from bullrush.core.outcome import RawJson

from ..app.announcing import is_heard
from ..app.headers import defaults_of, headers_of, job_options_of
from ..app.task import Task
from ..message import Message
from ..schedules import crontab
from .entry import BeatLazyFunc, ScheduleEntry
from .timing import first_run, timing_of

#: Options that mean the same for every run; with any other the beat sends the entry itself.
_CONSTANT = frozenset(
    (
        "queue",
        "priority",
        "expires",
        "ignore_result",
        "headers",
        "serializer",
        "compression",
        "shadow",
        "soft_time_limit",
        "time_limit",
        "retry",
        "retry_policy",
        "delivery_mode",
        "exchange",
        "routing_key",
        *(name for name in JobOptions.__annotations__ if name not in ("job_id", "delay", "parent")),
    )
)


@dataclass(frozen=True)
class Plan:
    """A job scheduler that does what an entry says.

    Args:
        name: of the entry, the scheduler's id.
        queue: where.
        every: ms, or None.
        start: Unix ms of the first run of an interval that is new.
        pattern, zone: cron, or None.
        task: the name of the jobs.
        data: of the jobs.
        options: of the jobs.
        version: differs when anything but `start` differs.
    """

    name: str
    queue: str
    every: int | None
    start: int | None
    pattern: str | None
    zone: str | None
    task: str
    data: RawJson
    options: dict[str, Any]
    version: str


def plan_of(app: Any, entry: ScheduleEntry, owner: str) -> Plan | None:
    """The job scheduler of an entry; None when the beat must send it.

    Args:
        owner: the beat that the scheduler belongs to.

    Raises:
        As `apply_async`, for arguments and options that cannot be sent.
    """
    task, name = app.tasks.get(entry.task), str(entry.task)
    timing = timing_of(entry) if _is_constant(app, entry, task) else None
    if timing is None:
        return None
    args, kwargs = _arguments(entry, task)
    own = {**entry.options}
    own["headers"] = {**(own.get("headers") or {}), "celery_beat_task": True}
    options = app.routed({**defaults_of(task), **own}, name, args, kwargs, task)
    queues = app.queues_for(options)
    if len(queues) > 1:
        return None
    lifetime = _lifetime(app, entry, options)
    headers = headers_of(app, task, options, own)
    chosen = job_options_of(app, task, options, headers)
    if lifetime is not None:
        headers["expires_after"] = lifetime
    coding = (
        options.get("serializer") or app.conf.task_serializer,
        options.get("compression") or app.conf.task_compression,
    )
    version = _digest(timing, name, args, kwargs, headers, chosen, coding)
    headers["beat"] = {"owner": owner, "version": version}
    message = (
        Message(args, kwargs, headers) if task is None else task.message(args, kwargs, headers)
    )
    return Plan(
        name=str(entry.name),
        queue=app.queue(queues[0]).name,
        task=name,
        data=message.encode(*coding),
        options=chosen,
        version=version,
        start=first_run(entry),
        **timing,
    )


def _arguments(entry: ScheduleEntry, task: Task | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments as `apply_async` sends them."""
    args, kwargs = tuple(entry.args or ()), dict(entry.kwargs)
    if task is not None and task._check is not None:
        task._check(*args, **kwargs)
    if task is not None and task._models is not None:
        args, kwargs = task._models.dumped(args, kwargs)
    return args, kwargs


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _is_constant(app: Any, entry: ScheduleEntry, task: Task | None) -> bool:
    """Whether every run is the same, so that nobody has to make it, nor hears of it."""
    if is_heard(app):
        return False
    if app.conf.task_always_eager and task is not None:
        return False
    if task is not None and any(
        getattr(type(task), name) is not getattr(Task, name)
        for name in ("apply_async", "shadow_name")
    ):
        return False
    values = [*(entry.args or ()), *entry.kwargs.values()]
    if any(isinstance(each, BeatLazyFunc) for each in values):
        return False
    return all(name in _CONSTANT for name, value in entry.options.items() if value is not None)


def _lifetime(app: Any, entry: ScheduleEntry, options: dict[str, Any]) -> float | None:
    """After how many s a run must not start any more; takes a relative `expires` out of the
    options.
    """
    found = []
    expires = options.get("expires")
    if isinstance(expires, timedelta):
        expires = expires.total_seconds()
    if isinstance(expires, (int, float)) and not isinstance(expires, bool):
        found.append(float(expires))
        del options["expires"]
    deadline = app.conf.get("beat_cron_starting_deadline")
    if deadline is not None and type(entry.schedule) is crontab:
        found.append(float(deadline))
    return min(found, default=None)
