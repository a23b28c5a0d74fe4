"""The application and its tasks."""

from .._state import current_app, shared_task
from .base import Celery

__all__ = ["Celery", "current_app", "shared_task"]
