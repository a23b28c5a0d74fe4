"""When a job scheduler runs: checked options, their stored forms, and the next cron time (protocol
part 2, sections 2.1 to 2.4). Pure: `now` is an argument.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .checks import LARGEST, check_duration, check_milliseconds, check_whole
from .cron import check_pattern, check_zone, next_time
from .errors import InvalidOption
from .keys import SCHEDULE_FIELDS

#: Our name of a part -> its name in `repeat` of a job's options; as in the definition.
_STORED = ("pattern", "every", "zone", "limit", "start", "end", "offset")


@dataclass(frozen=True)
class Schedule:
    """One of `every` and `pattern`, and its bounds. Times in Unix ms.

    Args:
        every: ms between two runs.
        pattern: cron.
        zone: IANA time zone of the pattern; None is that of the process.
        limit: how many runs there may be.
        start, end: no run before, and none after.
        offset: ms into each interval.
    """

    every: int | float | None = None
    pattern: str | None = None
    zone: str | None = None
    limit: int | None = None
    start: int | None = None
    end: int | None = None
    offset: int | None = None

    def first_time(self, now: int, immediately: bool) -> int | None:
        """The first time of a pattern, or None when it is beyond the end."""
        slot = now if immediately else self._after(max(now, self.start or 0))
        return None if self.end is not None and slot > self.end else slot

    def next_time(self, now: int, previous: int) -> int | None:
        """The time of a pattern after a run, or None when it is beyond the end."""
        return self.first_time(max(now, previous), immediately=False)

    def is_over(self, iteration: int, now: int) -> bool:
        """Whether there is no such run any more."""
        limited = self.limit is not None and iteration > self.limit
        return limited or (self.end is not None and now > self.end)

    def _after(self, time: int) -> int:
        if self.pattern is None:
            raise InvalidOption("the schedule has neither every nor pattern")
        return next_time(self.pattern, time, self.zone)

    def repeat(self, count: int) -> dict[str, Any]:
        """The part `repeat` of the options of run number `count`."""
        return {**self._parts(), "count": count}

    def definition(self) -> list[Any]:
        """Fields and values of the definition, but for the offset, which the script knows."""
        parts = self._parts()
        parts.pop(SCHEDULE_FIELDS["offset"], None)
        return [each for pair in parts.items() for each in pair]

    def _parts(self) -> dict[str, Any]:
        values = {SCHEDULE_FIELDS[name]: getattr(self, name) for name in _STORED}
        return {name: value for name, value in values.items() if value is not None}


def new_schedule(
    every: Any,
    pattern: Any,
    zone: Any,
    bounds: tuple[Any, Any, Any, Any],
    *,
    immediately: bool,
    now: int,
) -> Schedule:
    """Check everything about a schedule that is to be.

    Args:
        bounds: limit, start, end and offset, as of `Schedule`; dates may be datetimes with a zone.

    Raises:
        InvalidOption: says what is wrong, and what would do.
    """
    limit, start, end, offset = bounds
    if (every is None) == (pattern is None):
        raise InvalidOption("give either every (ms between two runs) or pattern (cron)")
    if immediately and start is not None:
        raise InvalidOption("immediately and start_date contradict each other; give one of them")
    if pattern is not None:
        check_pattern(pattern)
        check_zone(zone)
        if offset is not None:
            raise InvalidOption("offset belongs to every; a pattern says its times itself")
    else:
        check_duration(every, "every")
        if zone is not None:
            raise InvalidOption("tz belongs to pattern; an interval is the same in every zone")
        if offset is not None:
            check_whole(offset, "offset", 0, every - 1)
    if limit is not None:
        check_whole(limit, "limit", 1)
    first, last = _moment(start, "start_date"), _moment(end, "end_date")
    if last is not None and last < now:
        raise InvalidOption(f"end_date {end!r} has passed; nothing would ever run")
    if first is not None and last is not None and first > last:
        raise InvalidOption(f"start_date {start!r} is after end_date {end!r}")
    # An offset of 0 says nothing: the first run decides, as in Node.
    return Schedule(every, pattern, zone, limit, first, last, offset or None)


def _moment(value: Any, name: str) -> int | None:
    """Unix ms of a time that is given as such or as a datetime."""
    if value is None:
        return None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidOption(
                f"{name} {value!r} has no time zone; use for example datetime.now(timezone.utc)"
            )
        value = math.floor(value.timestamp() * 1000)
    elif not isinstance(value, int) or isinstance(value, bool):
        raise InvalidOption(f"{name} is Unix ms or a datetime with a time zone, not {value!r}")
    return check_milliseconds(value, name)


def stored_schedule(repeat: Any) -> tuple[Schedule, int]:
    """The schedule in `repeat` of a run's options, whoever stored it, and the run's number.

    Raises:
        InvalidOption: it is damaged.
    """
    if not isinstance(repeat, Mapping):
        raise InvalidOption(f"the options of the run have no schedule: {repeat!r}")
    values = {name: repeat.get(SCHEDULE_FIELDS[name]) for name in _STORED}
    numbers = {
        name: _number(values[name], name) for name in ("every", "limit", "start", "end", "offset")
    }
    pattern, zone = values["pattern"], values["zone"]
    for name, text in ("pattern", pattern), ("tz", zone):
        if text is not None and not isinstance(text, str):
            raise InvalidOption(f"{name} of the schedule is text, not {text!r}")
    if pattern is None and numbers["every"] is None:
        raise InvalidOption(f"the run has neither every nor pattern: {dict(repeat)!r}")
    count = _number(repeat.get("count"), "count") or 0
    limit, start, end, offset = (
        None if number is None else int(number)
        for number in (numbers[name] for name in ("limit", "start", "end", "offset"))
    )
    every = None if pattern else numbers["every"]
    return Schedule(every, pattern, zone, limit, start, end, offset), int(count)


def _number(value: Any, name: str) -> int | float | None:
    """A number; Node stores those that it was given as text as they are."""
    if value is None or value == "":
        return None
    try:
        number = float(value) if isinstance(value, str) else value
        known = isinstance(number, (int, float)) and not isinstance(number, bool)
        if known and abs(number) <= LARGEST:
            return int(number) if number == int(number) else number
    except ValueError:
        pass
    raise InvalidOption(f"{name} of the schedule is not a number that can be: {value!r}")
