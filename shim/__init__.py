"""Celery's API on queues shared with Node BullMQ: ``from bullrush import Celery`` is the whole
migration.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from .app import Celery, current_app, shared_task
from .local import current_task
from .result import AsyncResult, EagerResult
from .task import Task

try:
    __version__ = version("bullrush")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0"

__all__ = [
    "AsyncResult",
    "Celery",
    "EagerResult",
    "Task",
    "current_app",
    "current_task",
    "shared_task",
]
