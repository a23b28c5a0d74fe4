"""What every schedule has: an application, its time zone, and the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple

from ._state import find_current

if TYPE_CHECKING:
    from .app.base import Celery


class schedstate(NamedTuple):
    """What `is_due` says: whether it is due, and s until it should be asked again."""

    is_due: bool
    next: float


class BaseSchedule:
    """Base of all schedules.

    Args:
        nowfun: gives the time, for tests; else the application's time.
        app: the application, whose ``timezone`` counts; else the current one.
    """

    _tz: tzinfo | None = None

    def __init__(self, nowfun: Callable[[], datetime] | None = None, app: Any = None) -> None:
        self.nowfun = nowfun
        self._app = app

    @property
    def app(self) -> Celery:
        """The application that it belongs to."""
        return self._app or find_current()

    @app.setter
    def app(self, app: Celery) -> None:
        self._app = app

    @property
    def utc_enabled(self) -> bool:
        """The setting ``enable_utc``."""
        return bool(self.app.conf.enable_utc)

    @property
    def tz(self) -> tzinfo:
        """The time zone of the application, unless the schedule was given one of its own."""
        return self._tz or self.app.timezone

    @tz.setter
    def tz(self, zone: tzinfo) -> None:
        self._tz = zone

    def now(self) -> datetime:
        """The time, with a zone."""
        return self.nowfun() if self.nowfun is not None else self.app.now()

    def is_due(self, last_run_at: datetime) -> tuple[bool, float]:
        """Whether it is due when it last ran then, and s until it should be asked again."""
        raise NotImplementedError("a schedule defines is_due()")

    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        """How long it is until the next run; below 0 when that is overdue."""
        raise NotImplementedError("a schedule defines remaining_estimate()")

    def maybe_make_aware(self, dt: datetime, naive_as_utc: bool = True) -> datetime:
        """A time with a zone; one without counts as UTC."""
        if dt.tzinfo is not None:
            return dt
        return dt.replace(tzinfo=timezone.utc if naive_as_utc and self.utc_enabled else self.tz)

    def to_local(self, dt: datetime) -> datetime:
        """The same moment in the application's time zone."""
        return self.maybe_make_aware(dt).astimezone(self.tz)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, BaseSchedule):
            return other.nowfun == self.nowfun
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]
