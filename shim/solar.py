"""Schedules by the sun. Needs `ephem`: ``pip install "bullrush[solar]"``."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from importlib import import_module
from typing import Any

from .exceptions import ImproperlyConfigured
from .schedule_base import BaseSchedule, schedstate

#: Event -> whether the sun rises (1), sets (-1) or stands highest (0), and how far below the
#: horizon it is then, in degrees and minutes.
_EVENTS = {
    "dawn_astronomical": (1, "-18"),
    "dawn_nautical": (1, "-12"),
    "dawn_civil": (1, "-6"),
    "sunrise": (1, "-0:34"),
    "solar_noon": (0, "0"),
    "sunset": (-1, "-0:34"),
    "dusk_civil": (-1, "-6"),
    "dusk_nautical": (-1, "-12"),
    "dusk_astronomical": (-1, "-18"),
}
#: Near the poles the sun may not rise for months.
_DAYS = 366


class solar(BaseSchedule):
    """At an event of the sun at a place.

    Args:
        event: ``sunrise``, ``sunset``, ``solar_noon``, ``dawn_`` or ``dusk_`` with
            ``astronomical``, ``nautical`` or ``civil``.
        lat, lon: of the place, in degrees; north and east are positive.

    Raises:
        ImproperlyConfigured: `ephem` is not installed.
        ValueError: an unknown event, or no place on earth.
    """

    def __init__(self, event: str, lat: float, lon: float, **kwargs: Any) -> None:
        self._ephem = _load_ephem()
        if event not in _EVENTS:
            raise ValueError(f"event is one of {', '.join(sorted(_EVENTS))}, not {event!r}")
        if not -90 <= lat <= 90:
            raise ValueError(f"lat is between -90 and 90, not {lat}")
        if not -180 <= lon <= 180:
            raise ValueError(f"lon is between -180 and 180, not {lon}")
        self.event, self.lat, self.lon = event, lat, lon
        super().__init__(**kwargs)

    def next_after(self, last_run_at: datetime) -> datetime:
        """The next event after a moment.

        Raises:
            RuntimeError: there is none within a year.
        """
        start = self.maybe_make_aware(last_run_at).astimezone(timezone.utc)
        for day in range(_DAYS):
            try:
                found = self._event_after(start + timedelta(days=day))
            except (self._ephem.AlwaysUpError, self._ephem.NeverUpError):
                continue
            return found.datetime().replace(tzinfo=timezone.utc)  # type: ignore[no-any-return]
        raise RuntimeError(f"{self!r} has no event within {_DAYS} days after {last_run_at}")

    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        """How long it is until the next event; below 0 when that is overdue."""
        return self.next_after(last_run_at) - self.maybe_make_aware(self.now())

    def is_due(self, last_run_at: datetime) -> tuple[bool, float]:
        """Whether it is due, and s until the next event."""
        rest = max(0.0, self.remaining_estimate(last_run_at).total_seconds())
        if rest:
            return schedstate(False, rest)
        return schedstate(True, max(0.0, self.remaining_estimate(self.now()).total_seconds()))

    def _event_after(self, start: datetime) -> Any:
        direction, horizon = _EVENTS[self.event]
        place = self._ephem.Observer()
        place.lat, place.lon, place.pressure = str(self.lat), str(self.lon), 0
        place.horizon, place.elevation = horizon, 0
        sun, moment = self._ephem.Sun(), start.replace(tzinfo=None)
        if direction == 0:
            return place.next_transit(sun, start=moment)
        find = place.next_rising if direction > 0 else place.next_setting
        return find(sun, start=moment, use_center=not self.event.startswith("sun"))

    def __repr__(self) -> str:
        return f"<solar: {self.event} at latitude {self.lat}, longitude: {self.lon}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.event, self.lat, self.lon)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, solar):
            mine, theirs = (self.event, self.lat, self.lon), (other.event, other.lat, other.lon)
            return mine == theirs
        return NotImplemented

    __hash__ = None


def _load_ephem() -> Any:
    try:
        return import_module("ephem")
    except ModuleNotFoundError:
        raise ImproperlyConfigured(
            'solar schedules need ephem: pip install "bullrush[solar]"'
        ) from None
