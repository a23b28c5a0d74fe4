"""``rate_limit`` of tasks: at most so many starts of a task in one worker."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bullrush.core.delivery import Delivery
from bullrush.core.errors import InvalidOption
from bullrush.core.worker.pace import Pace

if TYPE_CHECKING:
    from .app.base import Celery
    from .app.task import Task

_FORM = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:/\s*([smh]))?\s*")
_SECONDS = {"s": 1, "m": 60, "h": 3600, None: 1}


def per_second(rate: Any) -> float:
    """Celery's ``"10/s"``, ``"100/m"``, ``"5/h"`` or a number as starts a second; 0 for no limit.

    Raises:
        InvalidOption: nothing of that form.
    """
    if rate is None:
        return 0.0
    if isinstance(rate, (int, float)) and not isinstance(rate, bool) and 0 <= rate < float("inf"):
        return float(rate)
    found = _FORM.fullmatch(rate) if isinstance(rate, str) else None
    if found is None:
        raise InvalidOption(
            f"rate_limit={rate!r}: it is '10/s', '100/m', '5/h', a number of starts a second, or "
            "None for no limit"
        )
    return float(found[1]) / _SECONDS[found[2]]


class RateLimits:
    """The limits of an application's tasks in one worker. A limit that is changed on a task holds
    from its next run on.
    """

    def __init__(self, app: Celery) -> None:
        self.app = app
        #: Stored name of the job -> its task, the task's own limit, and what keeps to it.
        self._known: dict[Any, tuple[Task, Any, Pace | None]] = {}

    def are_there(self) -> bool:
        """Whether any task has one now.

        Raises:
            InvalidOption: one of them is no rate.
        """
        if self.app.conf.worker_disable_rate_limits:
            return False
        rates = [per_second(self._rate_of(task)) for task in self.app.tasks.values()]
        return any(rates)

    def hold(self, delivery: Delivery) -> float:
        """s until the delivery may start."""
        job = delivery.job
        known = self._known.get(job.raw("name"))
        if known is None or known[0].rate_limit != known[1]:
            task = self.app.tasks.get(job.name)
            if task is None:
                return 0.0
            starts = per_second(self._rate_of(task))
            pace = Pace(1 / starts) if starts else None
            known = self._known[job.raw("name")] = (task, task.rate_limit, pace)
        return 0.0 if known[2] is None else known[2].wait(job.id)

    def _rate_of(self, task: Task) -> Any:
        own = task.rate_limit
        return self.app.conf.task_default_rate_limit if own is None else own
