"""How urgent a call is, in the order in which people count: 10 before 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bullrush.core.errors import InvalidOption

if TYPE_CHECKING:
    from .base import Celery

MOST_URGENT = 10


def priority_of_urgency(app: Celery, urgency: Any) -> int | None:
    """The option `priority` that stands for an urgency of 0 to 10; 0 is none.

    Raises:
        InvalidOption: it is no such number.
    """
    whole = isinstance(urgency, int) and not isinstance(urgency, bool)
    if not whole or not 0 <= urgency <= MOST_URGENT:
        raise InvalidOption(f"urgency is a whole number from 0 to {MOST_URGENT}, not {urgency!r}")
    if not urgency:
        return None
    priority: int = MOST_URGENT + 1 - urgency
    if app.conf.priority_order == "higher-first":  # the other way round, and turned back later
        return (app.conf.task_queue_max_priority or 9) - priority
    return priority
