"""What an entry becomes as a job scheduler of BullMQ, if it can become one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from bullrush.core.options import JobOptions
from bullrush.core.outcome import RawJson

from ..app.announcing import is_heard
from ..app.routes import route
from ..app.sending import defaults_of, headers_of, job_options_of, queue_name
from ..app.task import Task
from ..crontabs import Fields
from ..message import Message
from ..schedules import crontab, schedule
from .entry import BeatLazyFunc, ScheduleEntry

#: Options that mean the same for every run; with any other the beat sends the entry itself.
_CONSTANT = frozenset(
    (
        "queue",
        "priority",
        "expires",
        "ignore_result",
        "headers",
        "serializer",
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
#: Field of a crontab -> its least and greatest value, in the order of a line of cron.
_BOUNDS = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day_of_month": (1, 31),
    "month_of_year": (1, 12),
    "day_of_week": (0, 6),
}
_DAY = timedelta(days=1)


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
    task = app.tasks.get(entry.task)
    timing = _timing(entry) if _is_constant(app, entry, task) else None
    if timing is None:
        return None
    args, kwargs = tuple(entry.args or ()), entry.kwargs
    given = {name: value for name, value in entry.options.items() if value is not None}
    given["headers"] = {**given.get("headers", {}), "celery_beat_task": True}
    routed = route(app.conf.task_routes, str(entry.task), args, kwargs, given)
    options = {**defaults_of(task), **routed, **given}
    lifetime = _lifetime(app, entry, options)
    headers = headers_of(app, task, options)
    chosen = job_options_of(app, task, options, headers)
    if lifetime is not None:
        headers["expires_after"] = lifetime
    headers["beat"] = mark = {"owner": owner}
    plain = [timing, entry.task, args, kwargs, headers, chosen]
    mark["version"] = hashlib.sha256(repr(plain).encode()).hexdigest()[:16]
    message = (
        Message(args, kwargs, headers) if task is None else task.message(args, kwargs, headers)
    )
    return Plan(
        name=str(entry.name),
        queue=queue_name(options.get("queue")) or app.conf.task_default_queue,
        task=str(entry.task),
        data=message.encode(),
        options=chosen,
        version=mark["version"],
        start=_first_run(entry),
        **timing,
    )


def _is_constant(app: Any, entry: ScheduleEntry, task: Task | None) -> bool:
    """Whether every run is the same, so that nobody has to make it, nor hears of it."""
    if is_heard():
        return False
    if app.conf.task_always_eager and task is not None:
        return False
    if task is not None and type(task).apply_async is not Task.apply_async:
        return False
    values = [*(entry.args or ()), *entry.kwargs.values()]
    if any(isinstance(each, BeatLazyFunc) for each in values):
        return False
    return all(name in _CONSTANT for name, value in entry.options.items() if value is not None)


def _timing(entry: ScheduleEntry) -> dict[str, Any] | None:
    """`every`, or `pattern` and `zone`; None when neither can say it."""
    when = entry.schedule
    if when is None or when.nowfun is not None:
        return None
    if type(when) is schedule:
        every = when.run_every / timedelta(milliseconds=1)
        whole = every >= 1 and every.is_integer() and (not when.relative or _is_even(when))
        return {"every": int(every), "pattern": None, "zone": None} if whole else None
    if type(when) is crontab:
        pattern, zone = pattern_of(when.fields), _zone_name(when.tz)
        if pattern is not None and zone is not None:
            return {"every": None, "pattern": pattern, "zone": zone}
    return None


def _is_even(when: schedule) -> bool:
    """Whether a relative interval stays on whole units once it is on one."""
    if when.run_every >= _DAY:
        return when.run_every % _DAY == timedelta(0) and _zone_name(when.tz) == "UTC"
    for unit in (timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)):
        if when.run_every >= unit:
            return when.run_every % unit == timedelta(0)
    return False


def _first_run(entry: ScheduleEntry) -> int:
    """Unix ms."""
    when = entry.schedule
    first: datetime = when.now() + when.remaining_estimate(entry.last_run_at)
    return round(first.timestamp() * 1000)


def pattern_of(fields: Fields) -> str | None:
    """The pattern of cron with the same times; None when there is none, since cron takes a day that
    matches either day field, and a crontab one that matches both.
    """
    texts = {name: _field(getattr(fields, name), *bounds) for name, bounds in _BOUNDS.items()}
    if "*" not in (texts["day_of_month"], texts["day_of_week"]):
        number = _which_of_month(fields.day_of_month)
        if number is None or len(fields.day_of_week) != 1:
            return None
        texts["day_of_month"], texts["day_of_week"] = "*", f"{texts['day_of_week']}#{number}"
    return " ".join(texts.values())


def _which_of_month(days: frozenset[int]) -> int | None:
    """2 for the days on which a weekday is the second of its kind in the month."""
    first = min(days)
    number = (first - 1) // 7 + 1
    return number if sorted(days) == [*range(number * 7 - 6, min(number * 7, 31) + 1)] else None


def _field(numbers: frozenset[int], least: int, most: int) -> str:
    found = sorted(numbers)
    if len(found) == most - least + 1:
        return "*"
    if len(found) > 2 and found == [*range(least, most + 1, found[1] - found[0])]:
        return f"*/{found[1] - found[0]}"
    return ",".join(map(str, found))


def _zone_name(zone: Any) -> str | None:
    """The IANA name of a time zone, if it has one."""
    if zone is timezone.utc:
        return "UTC"
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)
    return name if isinstance(name, str) else None


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
