"""Numbers and times as people read them. Everything here is pure."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

#: What is shown where there is nothing to show.
NONE = "\N{EN DASH}"
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
#: Jinja's name -> function; see `bullrush.flask_ext.dashboard.rendering`.
FILTERS: dict[str, Any] = {}


def age(seconds: float | None) -> str:
    """How long something has lasted, in two parts at most: ``4 s``, ``12 min``, ``3 d 4 h``."""
    if seconds is None:
        return NONE
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole} s"
    for index, (size, unit) in enumerate(_UNITS):
        if whole >= size:
            count, rest = divmod(whole, size)
            below = _UNITS[index + 1] if index < 2 else None
            part = rest // below[0] if below and count < 10 else 0
            return f"{count} {unit}" + (f" {part} {below[1]}" if below and part else "")
    return f"{whole} s"


def span(ms: float | None) -> str:
    """A duration: ``12 ms``, ``1.2 s``, then as `age`."""
    if ms is None:
        return NONE
    if ms < 1000:
        return f"{int(ms)} ms"
    if ms < 120_000:
        return f"{ms / 1000:.1f} s".replace(".0 s", " s")
    return age(ms / 1000)


def count(number: int | None) -> str:
    """A whole number with thin groups; what has no number is a dash."""
    return NONE if number is None else f"{number:,}"


def short(number: int | None) -> str:
    """A number in at most five characters: ``950``, ``12.3k``, ``4.1M``."""
    if number is None:
        return NONE
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k")):
        if number >= size:
            unit_size = 1000 if unit == "k" else size
            return f"{number / unit_size:.1f}".removesuffix(".0") + unit
    return f"{number:,}"


def size(number: int | None) -> str:
    """Bytes in units of 1024: ``512 B``, ``1.4 MiB``."""
    if number is None:
        return NONE
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if number >= 1 << power:
            return f"{number / (1 << power):.1f}".removesuffix(".0") + f" {unit}"
    return f"{number} B"


def instant(ms: int | None) -> str:
    """A time for the attribute ``datetime``; empty without one, or one no calendar has."""
    moment = _moment(ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else ""


def clock(ms: int | None) -> str:
    """A time for people, in UTC."""
    moment = _moment(ms)
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else NONE


def _moment(ms: int | None) -> datetime | None:
    if not ms:
        return None
    try:
        return datetime.fromtimestamp(ms / 1000, timezone.utc)
    except (OverflowError, ValueError, OSError):
        return None


def pretty(value: Any) -> str:
    """A JSON value over several lines; what has no such form as Python shows it."""
    try:
        return json.dumps(value, indent=2, ensure_ascii=False, default=str)
    except (ValueError, RecursionError, TypeError):
        return repr(value)


def line(value: Any, most: int = 90) -> str:
    """A value in one line of at most `most` characters."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError, TypeError):
        text = repr(value)
    text = " ".join(text[: most * 4].split())
    return text if len(text) <= most else text[: most - 1] + "…"


def plain(text: str) -> str:
    """Text that can be sent: bytes that were no UTF-8 are shown as the replacement character."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


_ALL = (age, span, count, short, size, instant, clock, pretty, line, plain)
FILTERS |= {each.__name__: each for each in _ALL}
