"""Bullrush for Flask: queues, tasks inside the app context, admin JSON and a health route."""

from bullrush.core.errors import QueueNotReady
from bullrush.core.thresholds import check_queue_health
from bullrush.core.watching import register_queue_telemetry

from .access.roles import Principal, Role
from .binding import Binding
from .extension import Bullrush
from .queues import (
    add_job,
    assert_queue_is_ready,
    clean_queue,
    close_queues,
    create_queue,
    create_queue_events,
    get_queue,
    get_queue_service,
    get_queue_stats,
    pause_queue,
    resume_queue,
)
from .services import FailedJob, QueueService

__all__ = [
    "Binding",
    "Bullrush",
    "FailedJob",
    "Principal",
    "QueueNotReady",
    "QueueService",
    "Role",
    "add_job",
    "assert_queue_is_ready",
    "check_queue_health",
    "clean_queue",
    "close_queues",
    "create_queue",
    "create_queue_events",
    "get_queue",
    "get_queue_service",
    "get_queue_stats",
    "pause_queue",
    "register_queue_telemetry",
    "resume_queue",
]
