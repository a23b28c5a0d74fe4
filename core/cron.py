"""When a cron pattern fires next, as Node BullMQ counts it (protocol part 2, section 2.10). Pure:
the time is an argument.

The process that fetches a job computes the next time, so Node and Python must agree. A pattern is
read by Node's rules and written out in plain numbers, `cronsim` walks the calendar of the wall
clock, and what happens when clocks change is decided here. `tests/interop/node/cron.js` asks Node
itself.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache, lru_cache

from cronsim import CronSim, CronSimError

from .errors import InvalidOption

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_ALIASES = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
    "@minutely": "0 * * * * *",
    "@secondly": "* * * * * *",
    "@weekdays": "0 0 0 * * 1-5",
    "@weekends": "0 0 0 * * 0,6",
}
_PART = re.compile(r"(?:[*?]|(\w+)(?:-(\w+))?)(?:/(\d+))?", re.ASCII)
#: A weekday's last or n-th of the month; Node takes neither with a range or a step.
_LAST = re.compile(r"(\w+)L", re.ASCII)
_NTH = re.compile(r"(\w+)#([1-5])", re.ASCII)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class _Field:
    """One of the six fields of a pattern."""

    name: str
    least: int
    most: int
    names: Sequence[str] = ()

    def expand(self, text: str) -> str:
        """The field in plain numbers; `*` stays, as it alone does not restrict the day.

        Raises:
            InvalidOption: Node would not take it, or not mean what it says.
        """
        if text in ("*", "?"):
            return "*"
        values = [value for part in text.split(",") for value in self._part(part)]
        if len(set(values)) < len(values):
            raise InvalidOption(f"its {self.name} {text!r} says the same twice")
        if "#" in text and len(values) > 1:
            raise InvalidOption(f"its {self.name} {text!r} has '#' in a list, which Node refuses")
        return ",".join(values)

    def _part(self, part: str) -> list[str]:
        if special := self._special(part):
            return [special]
        match = _PART.fullmatch(part)
        if match is None:
            raise InvalidOption(f"its {self.name} {part!r} is not understood{self._advice(part)}")
        first, last, step = match.groups()
        least = self.least if first is None else self._number(first)
        if last is None and first is not None and step is None:
            return [str(least % 7) if self.most == 7 else str(least)]
        most = self.most if last is None else self._number(last)
        if least > most:
            raise InvalidOption(f"its {self.name} {part!r} goes backwards; write two ranges")
        if step is not None and int(step) == 0:
            raise InvalidOption(f"its {self.name} {part!r} has a step of 0")
        numbers = range(least, most + 1, int(step or 1))
        # Sunday is 0 and 7.
        return sorted({str(number % 7 if self.most == 7 else number) for number in numbers})

    def _special(self, part: str) -> str | None:
        """``L`` of the day, ``5L`` and ``5#2`` of the weekday."""
        if self.name == "day" and part == "L":
            return part
        if self.name == "weekday" and (match := _LAST.fullmatch(part)):
            return f"{self._number(match[1]) % 7}L"
        if self.name == "weekday" and (match := _NTH.fullmatch(part)):
            return f"{self._number(match[1]) % 7}#{match[2]}"
        return None

    def _number(self, text: str) -> int:
        if text.upper() in self.names:
            return self.names.index(text.upper()) + self.least
        if not text.isdigit():
            raise InvalidOption(f"its {self.name} {text!r} is no number{self._advice(text)}")
        if not self.least <= int(text[:9]) <= self.most:
            raise InvalidOption(
                f"its {self.name} {text!r} is not between {self.least} and {self.most}"
            )
        return int(text)

    def _advice(self, text: str) -> str:
        if "W" in text.upper():
            return "; Node knows no W, use a range of weekdays such as MON-FRI"
        if "L" in text:
            return "; L is the last day of the month, 5L its last Friday"
        if "H" in text.upper():
            return "; H is another time in each process, write the time itself"
        return ""


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True)
class _Pattern:
    """A pattern in plain numbers."""

    text: str
    #: All 24 hours: it follows the time that passes, not the wall clock, when clocks change.
    every_hour: bool

    def after(self, wall: datetime) -> datetime:
        """The next time on the wall clock. There is one: `_parse` has looked."""
        return next(CronSim(self.text, wall))


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that Node would refuse, or that never fires.

    Raises:
        InvalidOption: says what is wrong with it.
    """
    _parse(pattern)


def check_zone(zone: str | None) -> None:
    """Refuse a time zone that does not exist.

    Raises:
        InvalidOption: it is no IANA name.
    """
    _zone(zone)


def next_time(pattern: str, after: int, zone: str | None = None) -> int:
    """When the pattern fires next.

    Args:
        pattern: five fields, or six with seconds first, or a name such as ``@daily``.
        after: Unix ms; the result is later.
        zone: IANA time zone; by default that of this process, as in Node.

    Returns:
        Unix ms.

    Raises:
        InvalidOption: a bad pattern or zone, or no next time before the year 10 000.
    """
    parsed, place = _parse(pattern), _zone(zone)
    second = after // 1000
    try:
        step = _after_passing if parsed.every_hour else _after_on_the_wall
        return step(parsed, second, place) * 1000
    except (OverflowError, ValueError, OSError, StopIteration):
        raise InvalidOption(
            f"the cron pattern {pattern!r} has no time after {after} ms that a calendar holds"
        ) from None


def _after_on_the_wall(pattern: _Pattern, second: int, zone: zoneinfo.ZoneInfo | None) -> int:
    """Some hours only: a time that is skipped is as much later as the clock is put forward, a time
    that comes twice fires once.
    """
    wall = pattern.after(_wall(second, zone))
    first = _instant(wall, zone)
    return first if first > second else _instant(wall.replace(fold=1), zone)


def _after_passing(pattern: _Pattern, second: int, zone: zoneinfo.ZoneInfo | None) -> int:
    """Every hour: a time that is skipped is left out, a time that comes twice fires twice."""
    wall = _wall(second, zone)
    found = pattern.after(wall)
    skipped = _change(found, zone)
    if skipped is not None and _wall(_instant(found, zone), zone) != found:
        return _after_change(pattern, skipped, zone)
    regular = _after_on_the_wall(pattern, second, zone)
    repeat = _change(wall, zone)
    if repeat is not None and repeat > second:
        return min(regular, _after_change(pattern, repeat, zone))
    return regular


def _after_change(pattern: _Pattern, change: int, zone: zoneinfo.ZoneInfo | None) -> int:
    """The first time from a change of the clock on, by the new clock."""
    wall = _wall(change, zone)
    return change + int((pattern.after(wall - _SECOND) - wall).total_seconds())


def _change(wall: datetime, zone: zoneinfo.ZoneInfo | None) -> int | None:
    """The first second after a change of the clock that skips this wall time or brings it twice."""
    low, high = sorted(_instant(wall.replace(fold=fold), zone) for fold in (0, 1))
    if low == high:
        return None
    before = _offset(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    return high


def _wall(second: int, zone: zoneinfo.ZoneInfo | None) -> datetime:
    """What clocks on the wall show."""
    return datetime.fromtimestamp(second, zone).replace(tzinfo=None, fold=0)


def _instant(wall: datetime, zone: zoneinfo.ZoneInfo | None) -> int:
    """When they show it, Unix s; its `fold` says whether the first or the second time. A time that
    is skipped counts by the old clock with fold 0, by the new one with fold 1.
    """
    return int(wall.replace(tzinfo=zone).timestamp())


def _offset(second: int, zone: zoneinfo.ZoneInfo | None) -> int:
    return int(_wall(second, zone).replace(tzinfo=timezone.utc).timestamp()) - second


def _parse(pattern: str) -> _Pattern:
    if not isinstance(pattern, str):
        raise InvalidOption(f"a cron pattern is text, not {pattern!r}")
    return _parse_text(pattern)


@lru_cache(maxsize=1000)
def _parse_text(pattern: str) -> _Pattern:
    fields = _ALIASES.get(pattern, pattern).split()
    if len(fields) not in (5, 6):
        raise InvalidOption(
            f"the cron pattern {pattern!r} has {len(fields)} fields; it needs five (minute, hour, "
            f"day, month, weekday), six (second first), or is one of {', '.join(_ALIASES)}"
        )
    if len(fields) == 5:
        fields.insert(0, "0")
    try:
        text = " ".join(kind.expand(each) for kind, each in zip(_FIELDS, fields, strict=True))
        parsed = _Pattern(text, _is_every_hour(text.split()[2]))
        parsed.after(datetime(2000, 1, 1))
    except InvalidOption as error:
        raise InvalidOption(f"the cron pattern {pattern!r} is refused: {error}") from None
    except (CronSimError, StopIteration):
        raise InvalidOption(
            f"the cron pattern {pattern!r} never fires: no month of it has such a day"
        ) from None
    return parsed


def _is_every_hour(hours: str) -> bool:
    return hours == "*" or len(hours.split(",")) == 24


@cache
def _zones() -> dict[str, str]:
    # Two names are not those of a place.
    found = zoneinfo.available_timezones() - {"localtime", "Factory"}
    return {name.lower(): name for name in found}


def _zone(name: str | None) -> zoneinfo.ZoneInfo | None:
    """None is the zone of this process. Case does not matter, as in Node."""
    if name is None:
        return None
    known = _zones().get(name.lower()) if isinstance(name, str) else None
    if known is None:
        raise InvalidOption(
            f"there is no time zone {name!r}; use an IANA name such as 'Europe/Madrid' or 'UTC'"
        )
    return zoneinfo.ZoneInfo(known)
