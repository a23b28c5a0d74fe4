"""When a job scheduler runs, in words. Pure."""

from __future__ import annotations

from functools import lru_cache

from bullrush.core.operations.schedulers import JobScheduler

from ..words import span


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
