"""The fields of a crontab by Celery's rules, and the times on a wall clock that they name. Pure.

They differ from cron's: steps count positions, ranges may wrap round, 7 is no Sunday, and a day
must match both day fields.
"""

from __future__ import annotations

import calendar
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES = {name: index + 1 for index, name in enumerate(_MONTHS)} | {
    name: index for index, name in enumerate(_WEEKDAYS)
}
_RANGE = re.compile(r"(?P<first>\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\w+))?", re.ASCII)
#: The calendar repeats after that many days.
_CYCLE = 146_097
_DAY = timedelta(days=1)


class ParseException(Exception):
    """A part of a crontab is empty or negative."""


class crontab_parser:
    """Reads one field: a comma list of ``*``, ``n``, ``a-b``, ``*/s`` and ``a-b/s``.

    Args:
        max_: how many values there are.
        min_: the least of them.
    """

    ParseException = ParseException

    def __init__(self, max_: int = 60, min_: int = 0) -> None:
        self.min_, self.max_ = min_, min_ + max_ - 1

    def parse(self, spec: str) -> set[int]:
        """The numbers that a field names.

        Raises:
            ParseException: a part of it is empty or negative.
            ValueError: a part is not understood or out of range.
        """
        return {number for part in spec.split(",") for number in self._part(part.strip())}

    def _part(self, part: str) -> list[int]:
        if not part:
            raise ParseException("a part of the field is empty")
        if part.startswith("-"):
            raise ParseException(f"{part!r} is negative")
        head, slash, step = part.partition("/")
        if head == "*":
            return self._every(range(self.min_, self.max_ + 1), step, part, bool(slash))
        match = _RANGE.fullmatch(part)
        if match is None or (match["step"] and not match["last"]):
            raise ValueError(f"{part!r} is not understood")
        first = self._number(match["first"])
        if match["last"] is None:
            return [first]
        last = self._number(match["last"])
        if last >= first:
            numbers = [*range(first, last + 1)]
        else:
            numbers = [*range(first, self.max_ + 1), *range(self.min_, last + 1)]
        return self._every(numbers, step, part, bool(slash))

    @staticmethod
    def _every(numbers: Iterable[int], step: str, part: str, stepped: bool) -> list[int]:
        found = list(numbers)
        if not stepped:
            return found
        if not step or step.startswith("-"):
            raise ParseException(f"{part!r} has no step")
        if not step.isdigit() or int(step) == 0:
            raise ValueError(f"{part!r} has a step that is no number above 0")
        return found[:: int(step)]

    def _number(self, text: str) -> int:
        named = _NAMES.get(text[:3].lower())
        if not text.isdigit() and named is None:
            raise ValueError(f"{text!r} is neither a number nor the name of a weekday or month")
        number = int(text) if text.isdigit() else int(named or 0)
        if not self.min_ <= number <= self.max_:
            raise ValueError(f"{text!r} is not in {self.min_}-{self.max_}")
        return number


#: Name of a field -> how many values there are, and the least.
_SIZES = {
    "minute": (60, 0),
    "hour": (24, 0),
    "day_of_week": (7, 0),
    "day_of_month": (31, 1),
    "month_of_year": (12, 1),
}


@dataclass(frozen=True)
class Fields:
    """The expanded fields of a crontab."""

    minute: frozenset[int]
    hour: frozenset[int]
    day_of_week: frozenset[int]
    day_of_month: frozenset[int]
    month_of_year: frozenset[int]

    def after(self, wall: datetime) -> datetime:
        """The first minute later than a time on the wall clock. There is one, as `expand` has
        looked.
        """
        start = wall.replace(second=0, microsecond=0, fold=0) + timedelta(minutes=1)
        today, minute = start.date(), start.hour * 60 + start.minute
        for day in self._days(today, _DAY):
            place = bisect_left(self._minutes, minute) if day == today else 0
            if place < len(self._minutes):
                return _at(day, self._minutes[place])
        raise ValueError("the crontab has no time")

    def until(self, wall: datetime) -> datetime:
        """The last minute that is not later than a time on the wall clock."""
        today, minute = wall.date(), wall.hour * 60 + wall.minute
        for day in self._days(today, -_DAY):
            place = bisect_right(self._minutes, minute) if day == today else len(self._minutes)
            if place > 0:
                return _at(day, self._minutes[place - 1])
        raise ValueError("the crontab has no time")

    @cached_property
    def _minutes(self) -> list[int]:
        """The minutes of a day."""
        return sorted(60 * hour + minute for hour in self.hour for minute in self.minute)

    def _days(self, day: date, step: timedelta) -> Iterator[date]:
        for _ in range(_CYCLE):
            if (
                day.month in self.month_of_year
                and day.day in self.day_of_month
                and day.isoweekday() % 7 in self.day_of_week
            ):
                yield day
            day += step


def _at(day: date, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, minute // 60, minute % 60)


def expand(given: Mapping[str, Any]) -> Fields:
    """The fields in numbers.

    Args:
        given: minute, hour, day_of_week, day_of_month and month_of_year: each a number, text, or
            numbers.

    Raises:
        TypeError: a field of another kind.
        ParseException, ValueError: it cannot be understood, or names no day that ever comes.
    """
    fields = Fields(**{name: _expanded(name, given[name]) for name in _SIZES})
    longest = max(calendar.monthrange(2000, month)[1] for month in fields.month_of_year)
    if min(fields.day_of_month) > longest:
        raise ValueError(
            f"day_of_month {given['day_of_month']!r} never comes in month_of_year "
            f"{given['month_of_year']!r}"
        )
    return fields


def _expanded(name: str, given: Any) -> frozenset[int]:
    size, least = _SIZES[name]
    if isinstance(given, str):
        return frozenset(crontab_parser(size, least).parse(given))
    if isinstance(given, int):
        given = (given,)
    if not isinstance(given, Iterable):
        raise TypeError(
            f"{name} is a number, text or numbers, not {given!r} of {type(given).__name__}"
        )
    numbers = frozenset(given)
    if not all(isinstance(each, int) for each in numbers):
        raise TypeError(f"{name} holds something that is no whole number: {given!r}")
    if not numbers or not all(least <= each < least + size for each in numbers):
        raise ValueError(f"{name} is in {least}-{least + size - 1}, not {given!r}")
    return numbers
