"""When a job scheduler runs, in words and as its next times. Pure."""

from __future__ import annotations

from functools import lru_cache

from bullrush.core.cron import next_time
from bullrush.core.errors import InvalidOption
from bullrush.core.operations.schedulers import JobScheduler

from .words import span

#: How many times are shown.
SHOWN = 5


def next_runs(scheduler: JobScheduler, now: int, most: int = SHOWN) -> list[int]:
    """The next times, Unix ms, within the scheduler's limit and end."""
    times: list[int] = []
    at = scheduler.next
    if scheduler.limit is not None and scheduler.iteration_count is not None:
        most = min(most, max(0, scheduler.limit - scheduler.iteration_count + 1))
    while len(times) < most and at:
        if scheduler.end_date is not None and at > scheduler.end_date:
            break
        times.append(at)
        following = _following(scheduler, max(at, now if not times[1:] else at))
        if following is None or following <= at:
            break
        at = following
    return times


def _following(scheduler: JobScheduler, at: int) -> int | None:
    if scheduler.pattern is None:
        return at + scheduler.every if scheduler.every and scheduler.every > 0 else None
    try:
        return next_time(scheduler.pattern, at, scheduler.tz)
    except InvalidOption:
        return None  # of another client, which knows more patterns


def in_words(scheduler: JobScheduler) -> str:
    """``every 5 min``, ``At 08:30, Monday through Friday``; empty when nobody can say."""
    if scheduler.every:
        return f"every {span(scheduler.every)}"
    return _described(scheduler.pattern) if scheduler.pattern else ""


@lru_cache(maxsize=512)
def _described(pattern: str) -> str:
    try:
        from cron_descriptor import Options, get_description  # noqa: PLC0415  (an extra)
    except ImportError:
        return ""
    options = Options()
    options.use_24hour_time_format = True
    try:
        return str(get_description(pattern, options))
    except Exception:
        return ""  # It knows other patterns than Node, and raises what it likes.
