"""The application and its tasks."""

from .._state import current_app, find_current, shared_task
from ..lazy import loading
from .base import Celery

__all__ = ["Celery", "app_or_default", "current_app", "shared_task"]

__getattr__ = loading(
    __name__,
    (
        *(
            "amqp",
            "annotations",
            "control",
            "defaults",
            "events",
            "log",
            "registry",
            "routes",
            "task",
        ),
        *("trace", "utils"),
    ),
)


def app_or_default(app: Celery | None = None) -> Celery:
    """That application, or the current one."""
    return app or find_current()
