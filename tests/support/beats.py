"""What beats write into Redis and send, under a clock that stands still until it is told to go."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from bullrush.beat import PersistentScheduler
from bullrush.schedules import BaseSchedule, schedstate

NOON = datetime(2024, 5, 5, 12, tzinfo=timezone.utc)


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self):
        self.moment = NOON

    def __call__(self):
        return int(self.moment.timestamp() * 1000) * 1_000_000

    def advance(self, seconds):
        self.moment += timedelta(seconds=seconds)


class EveryTen(BaseSchedule):
    """A schedule of the user's own."""

    def remaining_estimate(self, last_run_at):
        return last_run_at + timedelta(seconds=10) - self.now()

    def is_due(self, last_run_at):
        rest = self.remaining_estimate(last_run_at).total_seconds()
        return schedstate(rest <= 0, max(rest, 0) or 10)


def entry(when, **others):
    return {"task": "add", "schedule": when, "args": (1, 2), **others}


def beat(app, **entries):
    """A scheduler with that schedule, as a beat that starts has it."""
    app.conf.beat_schedule = entries
    return PersistentScheduler(app)


def found(app, queue=None):
    """The job schedulers in Redis by name."""
    name = queue or app.conf.task_default_queue
    return {each.id: each for each in app.queue(name).get_job_schedulers()}


def ms(moment):
    return int(moment.timestamp() * 1000)


def sent(app):
    """How many jobs wait."""
    return app.queue(app.conf.task_default_queue).get_waiting_count()
