"""When a task is to run and when it expires: Celery's forms as moments."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Mapping
from typing import Any

from bullrush.core.clock import now as now
from bullrush.core.errors import InvalidOption

logger = logging.getLogger("bullrush.app.moments")
_UTC = datetime.timezone.utc


def is_number(value: Any) -> bool:
    """Whether it is an int or a float, and no bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def eta_of(options: Mapping[str, Any], zone: datetime.tzinfo) -> datetime.datetime | None:
    """The moment a call asked for: `countdown` (s) wins over `eta`, and 0 is none.

    Raises:
        InvalidOption: it is no moment, or none that a calendar has.
    """
    countdown, eta = options.get("countdown"), options.get("eta")
    if countdown is not None and not is_number(countdown):
        raise InvalidOption(f"countdown is a number of s, not {countdown!r}")
    if countdown:
        return _later(countdown, "countdown").astimezone(zone)
    return None if eta is None else moment_of(eta, "eta")


def expiry_of(expires: Any, zone: datetime.tzinfo, task_id: str) -> datetime.datetime:
    """The moment at which a task is not worth running any more, from s from now, a datetime or ISO
    text.

    Raises:
        InvalidOption: it is no moment.
    """
    if is_number(expires):
        moment = _later(expires, "expires").astimezone(zone)
    else:
        moment = moment_of(expires, "expires")
    ago = (now() - moment).total_seconds()
    if ago > 0.5:
        logger.warning("%s has an expiration date in the past (%.0fs ago)", task_id, ago)
    return moment


def moment_of(value: Any, what: str) -> datetime.datetime:
    """A datetime or ISO text as a moment; one without a time zone is UTC.

    Raises:
        InvalidOption: it is neither.
    """
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            raise InvalidOption(f"{what} is a datetime or ISO text, not {value!r}") from None
    if isinstance(value, datetime.timedelta):
        return now() + value
    if not isinstance(value, datetime.datetime):
        raise InvalidOption(f"{what} is a datetime or ISO text, not {value!r}")
    return value if value.tzinfo else value.replace(tzinfo=_UTC)


def delay_ms(moment: datetime.datetime) -> int:
    """ms from now until then, at least 0."""
    return max(0, round((moment - now()).total_seconds() * 1000))


def _later(seconds: float, what: str) -> datetime.datetime:
    try:
        return now() + datetime.timedelta(seconds=seconds)
    except (OverflowError, ValueError) as error:
        raise InvalidOption(f"{what}={seconds!r} is a moment that no calendar has") from error
