"""When something is due: Celery's module of that name.

Every schedule may be given to a beat of an application, or asked by itself with `is_due`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from .crontabs import Fields, ParseException, crontab_parser, expand
from .schedule_base import BaseSchedule, schedstate
from .solar import solar
from .utils.time import humanize_seconds, remaining

__all__ = [
    "BaseSchedule",
    "ParseException",
    "crontab",
    "crontab_parser",
    "maybe_schedule",
    "schedstate",
    "schedule",
    "solar",
]

_FIELDS = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")


class schedule(BaseSchedule):
    """Every so often.

    Args:
        run_every: s or a timedelta.
        relative: runs fall on whole days, hours or minutes, whichever the interval is made of.
    """

    relative = False

    def __init__(
        self,
        run_every: float | timedelta | None = None,
        relative: bool = False,
        nowfun: Callable[[], datetime] | None = None,
        app: Any = None,
    ) -> None:
        self.run_every = _as_delta(run_every)
        self.relative = relative
        super().__init__(nowfun=nowfun, app=app)

    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        """How long it is until the next run."""
        last = self.to_local(last_run_at) if self.relative else self.maybe_make_aware(last_run_at)
        return remaining(last, self.run_every, self.maybe_make_aware(self.now()), self.relative)

    def is_due(self, last_run_at: datetime) -> tuple[bool, float]:
        """Whether it is due, and s until the next run."""
        rest = max(0.0, self.remaining_estimate(last_run_at).total_seconds())
        if rest:
            return schedstate(False, rest)
        following = max(0.0, self.remaining_estimate(self.now()).total_seconds())
        return schedstate(True, following or self.seconds)

    @property
    def seconds(self) -> float:
        """The interval in s."""
        return max(self.run_every.total_seconds(), 0)

    @property
    def human_seconds(self) -> str:
        """The interval in words."""
        return humanize_seconds(self.seconds)

    def __repr__(self) -> str:
        return f"<freq: {self.human_seconds}>"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, schedule):
            return self.run_every == other.run_every
        return self.run_every == other

    __hash__ = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.run_every, self.relative, self.nowfun)


class crontab(BaseSchedule):
    """At every minute that matches all five fields, in the application's time zone.

    Note that ``day_of_week`` is the third, unlike in a line of cron, and that a day must match both
    day fields.

    Args:
        minute: 0-59. Each is a number, numbers, or text: a comma list of ``*``, ``n``, ``a-b``,
            ``*/s``, ``a-b/s``, where names of days and months may stand for numbers, a range may
            wrap round, and a step counts from the start of its range.
        hour: 0-23.
        day_of_week: 0-6, Sunday is 0.
        day_of_month: 1-31.
        month_of_year: 1-12.

    Raises:
        TypeError: a field of another kind.
        ParseException, ValueError: a field that is not understood, out of range, or a day that
            never comes.
    """

    minute: frozenset[int]
    hour: frozenset[int]
    day_of_week: frozenset[int]
    day_of_month: frozenset[int]
    month_of_year: frozenset[int]

    def __init__(
        self,
        minute: Any = "*",
        hour: Any = "*",
        day_of_week: Any = "*",
        day_of_month: Any = "*",
        month_of_year: Any = "*",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        given = (minute, hour, day_of_week, day_of_month, month_of_year)
        for name, value in zip(_FIELDS, given, strict=True):
            setattr(self, f"_orig_{name}", cronfield(value))
        self._orig_kwargs = kwargs
        self.fields: Fields = expand(dict(zip(_FIELDS, self._given(), strict=True)))
        for name in _FIELDS:
            setattr(self, name, getattr(self.fields, name))

    @classmethod
    def from_string(cls, crontab: str) -> crontab:
        """From a line of cron: minute, hour, day of the month, month, weekday.

        Raises:
            ValueError: not five fields with one blank between them.
        """
        parts = crontab.split(" ")
        if len(parts) != 5:
            raise ValueError(f"{crontab!r} has {len(parts)} fields and not five")
        minute, hour, day_of_month, month_of_year, day_of_week = parts
        return cls(minute, hour, day_of_week, day_of_month, month_of_year)

    def next_after(self, last_run_at: datetime) -> datetime:
        """The next run after a moment. A time that the clock skips is as much later as it skips; of
        one that comes twice, the first counts.
        """
        last = self.to_local(last_run_at)
        return self._moment(self.fields.after(last.replace(tzinfo=None)), last)

    def remaining_delta(self, last_run_at: datetime) -> tuple[datetime, timedelta, datetime]:
        """The last run in local time, how long after it the next one is, and the time now."""
        last = self.to_local(last_run_at)
        rest = self.next_after(last) - last.astimezone(timezone.utc)
        return last, rest, self.to_local(self.now())

    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        """How long it is until the next run; below 0 when that is overdue."""
        return self.next_after(last_run_at) - self.maybe_make_aware(self.now())

    def is_due(self, last_run_at: datetime) -> tuple[bool, float]:
        """Whether it is due, and s until the next run. A run that is later than
        ``beat_cron_starting_deadline`` (s) is left out.
        """
        rest = self.remaining_estimate(last_run_at).total_seconds()
        if rest > 0:
            return schedstate(False, rest)
        now = self.now()
        following = self.remaining_estimate(now).total_seconds()
        return schedstate(self._is_in_time(now), max(0.0, following))

    def _is_in_time(self, now: datetime) -> bool:
        deadline = self.app.conf.get("beat_cron_starting_deadline")
        if deadline is None:
            return True
        local = self.to_local(now)
        slot = self.fields.until(local.replace(tzinfo=None))
        late = local.astimezone(timezone.utc) - slot.replace(tzinfo=self.tz)
        return late <= timedelta(seconds=deadline)

    def _moment(self, wall: datetime, last: datetime) -> datetime:
        first = wall.replace(tzinfo=self.tz).astimezone(timezone.utc)
        if first > last.astimezone(timezone.utc):
            return first
        # The last run was in the hour that comes twice, at the second time.
        return wall.replace(tzinfo=self.tz, fold=1).astimezone(timezone.utc)

    def _given(self) -> tuple[Any, ...]:
        return tuple(getattr(self, f"_orig_{name}") for name in _FIELDS)

    def __repr__(self) -> str:
        minute, hour, weekday, day, month = self._given()
        return f"<crontab: {minute} {hour} {day} {month} {weekday} (m/h/dM/MY/d)>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._given(), self._orig_kwargs

    def __setstate__(self, state: Any) -> None:
        super().__init__(**state)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, crontab):
            return self.fields == other.fields and super().__eq__(other)
        return NotImplemented

    __hash__ = None


def cronfield(value: Any) -> Any:
    """A field of a crontab; None is ``*``."""
    return "*" if value is None else value


def maybe_schedule(s: Any, relative: bool = False, app: Any = None) -> Any:
    """A schedule of s, a timedelta or a schedule; None stays None."""
    if s is None:
        return None
    if isinstance(s, (int, float, timedelta)):
        return schedule(s, relative, app=app)
    s.app = app
    return s


def _as_delta(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, (int, float)):
        return timedelta(seconds=value)
    raise TypeError(f"run_every is s or a timedelta, not {value!r}")
