"""Dates and times as Celery's users handle them."""

from __future__ import annotations

import datetime
import random
import zoneinfo
from collections.abc import Callable, Sequence
from typing import Any

from bullrush.core import clock

from ..rates import per_second as rate

__all__ = [
    "adjust_timestamp",
    "delta_resolution",
    "get_exponential_backoff_interval",
    "humanize_seconds",
    "is_naive",
    "localize",
    "make_aware",
    "maybe_iso8601",
    "maybe_make_aware",
    "maybe_timedelta",
    "rate",
    "remaining",
    "timezone",
    "to_utc",
    "utcnow",
    "utcoffset",
    "weekday",
    "yearmonth",
]

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


class _Timezone:
    """``timezone.utc``, ``timezone.local`` and ``timezone.get_timezone(name)``."""

    utc: datetime.tzinfo = datetime.timezone.utc

    @property
    def local(self) -> datetime.tzinfo:
        """The zone of this machine."""
        zone = datetime.datetime.now().astimezone().tzinfo
        return zone or self.utc

    def get_timezone(self, zone: str | datetime.tzinfo) -> datetime.tzinfo:
        """A zone by its IANA name, or the zone itself.

        Raises:
            zoneinfo.ZoneInfoNotFoundError: there is none of that name.
        """
        return zoneinfo.ZoneInfo(zone) if isinstance(zone, str) else zone

    def to_system(self, moment: datetime.datetime) -> datetime.datetime:
        """The moment in this machine's zone."""
        return moment.astimezone(self.local)

    def to_local(
        self,
        moment: datetime.datetime,
        local: datetime.tzinfo | None = None,
        orig: datetime.tzinfo | None = None,
    ) -> datetime.datetime:
        """A naive moment of the zone `orig`, or of UTC, in another zone. An aware one stays."""
        if not is_naive(moment):
            return moment
        return make_aware(moment, orig or self.utc).astimezone(local or self.local)


timezone = _Timezone()


def utcnow() -> datetime.datetime:
    """Now, aware, in UTC."""
    return clock.now()


def is_naive(moment: datetime.datetime) -> bool:
    """Whether it says nothing of its zone."""
    return moment.tzinfo is None or moment.tzinfo.utcoffset(moment) is None


def make_aware(moment: datetime.datetime, tz: str | datetime.tzinfo) -> datetime.datetime:
    """The same date and time, said to be of that zone; what it said before is dropped."""
    return moment.replace(tzinfo=timezone.get_timezone(tz))


def maybe_make_aware(
    moment: datetime.datetime, tz: str | datetime.tzinfo | None = None, naive_as_utc: bool = True
) -> datetime.datetime:
    """A naive moment made aware: as one of UTC, moved to `tz`; with ``naive_as_utc=False`` as one
    of `tz`.
    """
    if not is_naive(moment):
        return moment
    if tz is None or not naive_as_utc:
        return make_aware(moment, tz or timezone.utc)
    return make_aware(moment, timezone.utc).astimezone(timezone.get_timezone(tz))


def localize(moment: datetime.datetime, tz: str | datetime.tzinfo) -> datetime.datetime:
    """A naive moment as one of that zone; an aware one stays as it is."""
    return make_aware(moment, tz) if is_naive(moment) else moment


def to_utc(moment: datetime.datetime) -> datetime.datetime:
    """The same date and time, said to be of UTC."""
    return make_aware(moment, timezone.utc)


def maybe_timedelta(delta: float | datetime.timedelta | None) -> datetime.timedelta | None:
    """A number of s as a timedelta."""
    return datetime.timedelta(seconds=delta) if isinstance(delta, (int, float)) else delta


def maybe_iso8601(moment: datetime.datetime | str | None) -> datetime.datetime | None:
    """ISO text as a datetime."""
    if isinstance(moment, str):
        return datetime.datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return moment


def remaining(
    start: datetime.datetime,
    ends_in: datetime.timedelta,
    now: datetime.datetime | None = None,
    relative: bool = False,
) -> datetime.timedelta:
    """How long until ``start + ends_in``; below zero when it is over.

    Args:
        relative: whether the end is rounded down to the largest unit of `ends_in`.
    """
    end = start + ends_in
    if relative:
        end = delta_resolution(end, ends_in).replace(microsecond=0)
    return end - (now or (datetime.datetime.now(start.tzinfo)))


def delta_resolution(moment: datetime.datetime, delta: datetime.timedelta) -> datetime.datetime:
    """The moment rounded down to the largest unit of a timedelta: day, hour, minute or second."""
    cut = {"microsecond": 0}
    for seconds, fields in (
        (86400, ("hour", "minute", "second")),
        (3600, ("minute", "second")),
        (60, ("second",)),
    ):
        if abs(delta.total_seconds()) >= seconds:
            return moment.replace(**cut, **dict.fromkeys(fields, 0))  # type: ignore[arg-type]
    return moment


def humanize_seconds(
    secs: float, prefix: str = "", sep: str = "", now: str = "now", microseconds: bool = False
) -> str:
    """``90`` as ``1.50 minutes``; what stands for nothing is `now`."""
    for divider, unit in _UNITS:
        if secs >= divider:
            count = secs / divider
            return f"{prefix}{sep}{count:.2f} {unit}{'' if count == 1 else 's'}"
    if microseconds and secs > 0:
        return f"{prefix}{sep}{secs:.2f} seconds"
    return now


def get_exponential_backoff_interval(
    factor: int, retries: int, maximum: int, full_jitter: bool = False
) -> int:
    """``factor * 2**retries`` s, at most `maximum`; with jitter a whole number up to it."""
    # A power above this is above every maximum, and slow to compute.
    countdown = min(maximum, factor * 2 ** min(retries, 1000))
    return max(0, random.randrange(int(countdown) + 1) if full_jitter else int(countdown))


def utcoffset(time: Any = None, localtime: Any = None) -> float:
    """Hours that this machine's zone lies behind UTC."""
    offset = timezone.local.utcoffset(datetime.datetime.now())
    return -(offset or datetime.timedelta()).total_seconds() / 3600


def adjust_timestamp(ts: float, offset: float, here: Callable[..., float] = utcoffset) -> float:
    """A moment (s) of another machine, by its and this one's hours behind UTC."""
    return ts - (offset - here()) * 3600


def weekday(name: str) -> int:
    """``"monday"`` or ``"mon"`` as 1; Sunday is 0.

    Raises:
        KeyError: no day of that name.
    """
    return _number(name, _DAYS)


def yearmonth(name: str) -> int:
    """``"december"`` or ``"dec"`` as 12.

    Raises:
        KeyError: no month of that name.
    """
    return _number(name, _MONTHS) + 1


def _number(name: str, names: Sequence[str]) -> int:
    short = name[:3].lower()
    if short not in names:
        raise KeyError(name)
    return names.index(short)


_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
