"""The scheduler of a beat: the schedule is in Redis, and survives every process."""

from __future__ import annotations

import logging
import os
import uuid
from datetime import datetime, timezone
from typing import Any

from bullrush.core.calls import run
from bullrush.core.turns import take_turn, view_turns

from .entry import ScheduleEntry
from .job_schedulers import JobSchedulers
from .plans import Plan, plan_of
from .scheduler import Scheduler

logger = logging.getLogger("celery.beat")

_DEFAULT_FILE = "celerybeat-schedule"
#: Who overrides one of these wants to see every run.
_SENDING = ("apply_entry", "apply_async", "send_task", "reserve", "is_due")


class PersistentScheduler(Scheduler):
    """Entries that BullMQ's job schedulers can say are written to Redis, and workers go on with
    them without a beat. What they cannot say (`solar`, schedules of one's own, a crontab with both
    day fields, lazy arguments) this process sends, and of several beats one: the last run of each
    entry is in Redis too.

    Args:
        schedule_filename: no file here; a name that is not the default tells beats apart that have
            different schedules.
    """

    alone = False

    def __init__(self, app: Any, *args: Any, schedule_filename: str | None = None, **kwargs: Any):
        self.schedule_filename = schedule_filename or app.conf.beat_schedule_filename
        self.owner = _owner(app, self.schedule_filename)
        self.stored: frozenset[str] = frozenset()
        #: The last runs as they stand in Redis, by entry; and what was written of an entry while
        #: the answer did not come.
        self._known: dict[str, str] = {}
        self._tried: dict[str, str] = {}
        self._identity = uuid.uuid4().hex[:12]
        super().__init__(app, *args, **kwargs)

    def setup_schedule(self) -> None:
        """Make what is in Redis the schedule of the settings."""
        super().setup_schedule()
        plans = self._plans() if self._leaves_sending_alone() else {}
        refused = JobSchedulers(self.app, self.owner).write(plans)
        self.stored = frozenset(plans) - refused
        self._recall()

    def write_only(self) -> list[str]:
        """The names of entries that need a running beat."""
        return sorted(set(self.schedule) - self.stored)

    @property
    def info(self) -> str:
        """A line about it for the start of a beat."""
        return f"    . db -> {self.app.driver.location}"

    def _plans(self) -> dict[str, Plan]:
        found = {}
        for name, entry in self.schedule.items():
            try:
                plan = plan_of(self.app, entry, self.owner)
            except Exception:
                logger.exception("%r cannot be sent", entry)
                continue
            if plan is not None:
                found[name] = plan
        return found

    def _leaves_sending_alone(self) -> bool:
        own = type(self)
        same = all(getattr(own, name) is getattr(PersistentScheduler, name) for name in _SENDING)
        return same and self.Entry is ScheduleEntry

    def _sent_here(self) -> dict[str, Any]:
        return {name: each for name, each in self.schedule.items() if name not in self.stored}

    # -- the runs of what this process sends --

    def _recall(self) -> None:
        """Take over the last runs from Redis; what was never sent counts from now."""
        here = self._sent_here()
        known = run(self.app.driver, view_turns(*self._record))
        for name in known.keys() - here.keys():
            run(self.app.driver, take_turn(*self._record, name, known[name], ""))
        for name, entry in here.items():
            self._learn(name, entry, known.get(name) or self._first(name, entry))

    def _first(self, name: str, entry: ScheduleEntry) -> str:
        call = take_turn(*self._record, name, "", self._state(entry))
        return run(self.app.driver, call).value

    def _claim(self, entry: ScheduleEntry) -> tuple[ScheduleEntry, bool]:
        """Of several beats, the one whose turn it is sends the entry."""
        name, following = str(entry.name), next(entry)
        if name not in self._known:  # It was added since the start.
            self._learn(name, entry, self._first(name, entry))
            return entry, False
        # Noted before the answer, which may be lost on its way.
        tried, self._tried[name] = self._tried.get(name), self._state(following)
        call = take_turn(*self._record, name, self._known[name], self._tried[name])
        turn = run(self.app.driver, call)
        del self._tried[name]
        if not turn.value:  # The record is gone; what this beat knows counts.
            self._learn(name, entry, self._first(name, entry))
            return entry, False
        self._learn(name, following, turn.value)
        self.schedule[name] = following
        return following, turn.taken or turn.value == tried

    def _state(self, entry: ScheduleEntry) -> str:
        """The runs of an entry as text that no other beat writes."""
        last = entry.last_run_at
        last = last if last.tzinfo else last.replace(tzinfo=timezone.utc)
        moment = last.astimezone(timezone.utc).isoformat()
        return f"{moment} {entry.total_run_count} {self._identity}"

    def _learn(self, name: str, entry: ScheduleEntry, state: str) -> None:
        """Take over the runs from Redis; text that nobody of ours wrote says nothing of them."""
        self._known[name] = state
        moment, count, *_ = (*state.split(" "), "", "")
        try:
            entry.last_run_at, entry.total_run_count = datetime.fromisoformat(moment), int(count)
        except ValueError:
            logger.warning("beat: %r has a last run that cannot be read: %r", entry, state)

    @property
    def _record(self) -> tuple[Any, str]:
        return self.app.queue(self.app.conf.task_default_queue).keys, f"beat:{self.owner}"


def _owner(app: Any, filename: str) -> str:
    """The name of a beat: two with the same name have the same schedule."""
    name = f"{app.main or '__main__'}@{app.conf.task_default_queue}"
    base = os.path.basename(filename)
    return name if base in ("", _DEFAULT_FILE) else f"{name}/{base}"
