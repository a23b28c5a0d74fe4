"""The scheduler of a beat: the schedule is in Redis, and survives every process."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
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
        known = self._known()
        here = self._sent_here()
        for name in known.keys() - here.keys():
            run(self.app.driver, take_turn(*self._record, name, known[name], ""))
        for name, entry in here.items():
            _remember(entry, known.get(name) or self._first(name, entry))

    def _first(self, name: str, entry: ScheduleEntry) -> str:
        call = take_turn(*self._record, name, "", _state(entry))
        return run(self.app.driver, call).value

    def _claim(self, entry: ScheduleEntry) -> tuple[ScheduleEntry, bool]:
        """Of several beats, the one whose turn it is sends the entry."""
        following = next(entry)
        call = take_turn(*self._record, str(entry.name), _state(entry), _state(following))
        turn = run(self.app.driver, call)
        if not turn.taken:
            if not turn.value:  # The record is gone; this beat knows better.
                self._first(str(entry.name), entry)
                return entry, False
            _remember(following, turn.value)
        self.schedule[str(entry.name)] = following
        return following, turn.taken

    def _known(self) -> Mapping[str, str]:
        return run(self.app.driver, view_turns(*self._record))

    @property
    def _record(self) -> tuple[Any, str]:
        return self.app.queue(self.app.conf.task_default_queue).keys, f"beat:{self.owner}"


def _owner(app: Any, filename: str) -> str:
    """The name of a beat: two with the same name have the same schedule."""
    name = f"{app.main or '__main__'}@{app.conf.task_default_queue}"
    base = os.path.basename(filename)
    return name if base in ("", _DEFAULT_FILE) else f"{name}/{base}"


def _state(entry: ScheduleEntry) -> str:
    """The runs of an entry as text."""
    last = entry.last_run_at
    last = last if last.tzinfo else last.replace(tzinfo=timezone.utc)
    return f"{last.astimezone(timezone.utc).isoformat()} {entry.total_run_count}"


def _remember(entry: ScheduleEntry, state: str) -> None:
    """Take over the runs; text that nobody of ours wrote is left alone."""
    moment, _, count = state.partition(" ")
    try:
        entry.last_run_at, entry.total_run_count = datetime.fromisoformat(moment), int(count)
    except ValueError:
        logger.warning("beat: %r has a last run that cannot be read: %r", entry, state)
