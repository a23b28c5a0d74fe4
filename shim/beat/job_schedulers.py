"""Writing a schedule into Redis as BullMQ's job schedulers, and taking out what left it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from bullrush.core.calls import run
from bullrush.core.clock import now_ms
from bullrush.core.errors import BullrushError, ConnectionFailed
from bullrush.core.operations import JobScheduler
from bullrush.core.turns import take_turn, view_turns

from .plans import Plan

logger = logging.getLogger("celery.beat")


class JobSchedulers:
    """The job schedulers of one beat, in all queues.

    Args:
        app: the application.
        owner: tells the schedulers of this beat from those of others.
    """

    def __init__(self, app: Any, owner: str) -> None:
        self.app, self.owner = app, owner
        self._keys = app.queue(app.conf.task_default_queue).keys
        #: The record of queues that may hold schedulers of this beat.
        self._record = f"beat:{owner}:queues"

    def write(self, plans: Mapping[str, Plan]) -> set[str]:
        """Make the job schedulers of this beat those of the plans.

        Returns:
            The names of those that cannot be written, as another scheduler has that id.

        Raises:
            ConnectionFailed: Redis did not answer; to write again is right.
        """
        wanted = {(plan.queue, plan.name): plan for plan in plans.values()}
        for queue in {plan.queue for plan in plans.values()}:
            run(self.app.driver, take_turn(self._keys, self._record, queue, "", "1"))
        found = self.stored()
        for place, scheduler in found.items():
            if place not in wanted and self._owner(scheduler) == self.owner:
                self.app.queue(place[0]).remove_job_scheduler(place[1])
                logger.info("beat: %s left the schedule", place[1])
        return {
            plan.name for place, plan in wanted.items() if not self._put(plan, found.get(place))
        }

    def stored(self) -> dict[tuple[str, str], JobScheduler]:
        """All job schedulers, of whomever, by queue and id, in the queues that matter here."""
        return {
            (queue, each.id): each
            for queue in self._queues()
            for each in self.app.queue(queue).get_job_schedulers()
        }

    def mine(self) -> dict[str, JobScheduler]:
        """The job schedulers of this beat by the names of their entries."""
        found = self.stored().items()
        return {place[1]: each for place, each in found if self._owner(each) == self.owner}

    def _queues(self) -> Iterable[str]:
        noted = run(self.app.driver, view_turns(self._keys, self._record))
        return sorted({*self.app.known_queues(), *noted})

    def _put(self, plan: Plan, known: JobScheduler | None) -> bool:
        if known is not None and self._owner(known) != self.owner:
            logger.warning(
                "beat: a job scheduler %r that is not of this beat is in queue %r already; this "
                "process sends that entry itself",
                plan.name,
                plan.queue,
            )
            return False
        if known is not None and _mark(known).get("version") == plan.version:
            return True
        options = {"name": plan.task, "data": plan.data, "options": plan.options}
        try:
            queue = self.app.queue(plan.queue)
            queue.upsert_job_scheduler(plan.name, **_timing(plan, known), **options)
        except ConnectionFailed:
            raise
        except BullrushError as error:
            logger.error("beat: %s; this process sends %r itself", error, plan.name)
            return False
        return True

    @staticmethod
    def _owner(scheduler: JobScheduler) -> Any:
        return _mark(scheduler).get("owner")


def _mark(scheduler: JobScheduler) -> Mapping[str, Any]:
    """What a beat has written beside the arguments."""
    found: Any = scheduler.data
    for name in ("celery", "beat"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _timing(plan: Plan, known: JobScheduler | None) -> dict[str, Any]:
    """When it runs: what was to run already runs now, and the last run of an interval counts."""
    now = now_ms()
    if plan.every is None:
        same = known is not None and (known.pattern, known.tz) == (plan.pattern, plan.zone)
        overdue = known is not None and same and known.next <= now
        return {"pattern": plan.pattern, "tz": plan.zone, "immediately": overdue}
    start = plan.start
    if known is not None and known.every == plan.every:
        start = known.start_date
    elif known is not None and known.every is not None:
        start = max(now, known.next - known.every + plan.every)
    return {"every": plan.every, "start_date": start}
