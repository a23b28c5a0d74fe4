"""Spans of time as people write them."""

from __future__ import annotations

import datetime
import re

from bullrush.core.errors import InvalidOption

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*")


def seconds_of(span: str | float | datetime.timedelta) -> float:
    """``"2h"``, ``"1h 30m"``, ``"250ms"``, a timedelta or a number of s, as s.

    Raises:
        InvalidOption: nothing of that form, or less than nothing.
    """
    found = None
    if isinstance(span, datetime.timedelta):
        found = span.total_seconds()
    elif isinstance(span, (int, float)) and not isinstance(span, bool):
        found = float(span)
    elif isinstance(span, str) and re.fullmatch(f"(?:{_PART.pattern})+", span):
        found = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(span))
    if found is None or not 0 <= found < float("inf"):
        raise InvalidOption(f"{span!r} is no span of time; write for example '2h', '1h 30m' or 90")
    return found
