"""When an entry runs, as a job scheduler of BullMQ says it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from ..crontabs import Fields
from ..schedules import crontab, schedule
from .entry import ScheduleEntry

#: Field of a crontab -> its least and greatest value, in the order of a line of cron.
_BOUNDS = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day_of_month": (1, 31),
    "month_of_year": (1, 12),
    "day_of_week": (0, 6),
}
_DAY = timedelta(days=1)


def timing_of(entry: ScheduleEntry) -> dict[str, Any] | None:
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


def first_run(entry: ScheduleEntry) -> int:
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
