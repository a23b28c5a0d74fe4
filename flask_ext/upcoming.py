"""When a job scheduler runs next. Pure."""

from __future__ import annotations

from bullrush.core.cron import next_time
from bullrush.core.errors import InvalidOption
from bullrush.core.operations import JobScheduler

#: How many times are shown.
SHOWN = 5


def next_runs(scheduler: JobScheduler, now: int = 0, most: int = SHOWN) -> list[int]:
    """The next times, Unix ms; fewer than `most` when its limit or its end comes before.

    Args:
        now: Unix ms; what follows an overdue run is counted from there.
    """
    if scheduler.limit is not None:
        most = min(most, scheduler.limit - (scheduler.iteration_count or 0) + 1)
    times: list[int] = []
    at: int | None = scheduler.next
    while at and len(times) < most and at <= (scheduler.end_date or at):
        times.append(at)
        at = _after(scheduler, max(at, now) if len(times) == 1 else at)
    return times


def _after(scheduler: JobScheduler, moment: int) -> int | None:
    if scheduler.pattern is None:
        return moment + scheduler.every if scheduler.every and scheduler.every > 0 else None
    try:
        return next_time(scheduler.pattern, moment, scheduler.tz)
    except InvalidOption:  # no time any more, or a pattern that only Node understands
        return None
