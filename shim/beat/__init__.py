"""Sending tasks by the clock: Celery's module of that name.

The schedule itself is in Redis, as BullMQ's job schedulers, so that workers go on with it while no
beat is there, and any number of beats never sends anything twice.
"""

from ..schedules import crontab, maybe_schedule
from ..utils.log import get_logger
from .entry import BeatLazyFunc, ScheduleEntry
from .persistent import PersistentScheduler
from .scheduler import DEFAULT_MAX_INTERVAL, Scheduler, SchedulingError, event_t
from .service import EmbeddedService, Service

__all__ = [
    "DEFAULT_MAX_INTERVAL",
    "BeatLazyFunc",
    "EmbeddedService",
    "PersistentScheduler",
    "ScheduleEntry",
    "Scheduler",
    "SchedulingError",
    "Service",
    "crontab",
    "event_t",
    "get_logger",
    "logger",
    "maybe_schedule",
]

logger = get_logger("celery.beat")
