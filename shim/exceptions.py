"""Celery's exceptions, by Celery's names."""

from __future__ import annotations

import builtins
import datetime
from typing import Any

from bullrush.core.errors import BullrushError
from bullrush.core.errors import SoftTimeLimitExceeded as SoftTimeLimitExceeded
from bullrush.core.errors import TimeLimitExceeded as TimeLimitExceeded
from bullrush.core.errors import WorkerLostError as WorkerLostError


class CeleryError(BullrushError):
    """Root of the exceptions of the Celery front."""


class ImproperlyConfigured(CeleryError):
    """The configuration cannot work; the message says what to change."""


class NotRegistered(CeleryError, KeyError):
    """No task of that name is known here."""

    def __str__(self) -> str:
        return f"unknown task {self.args[0]!r}: no module that this worker imports registers it"


class TaskError(CeleryError):
    """Something about a task went wrong."""


class TimeoutError(CeleryError, builtins.TimeoutError):
    """A result did not arrive in time."""


class MaxRetriesExceededError(TaskError):
    """A task asked for a retry after its last one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.task_args = kwargs.pop("task_args", ())
        self.task_kwargs = kwargs.pop("task_kwargs", {})
        super().__init__(*args)


class TaskRevokedError(TaskError):
    """The task was revoked or had expired before it ran."""


class InvalidTaskError(TaskError):
    """The message cannot be understood as a task."""


class TaskPredicate(CeleryError):
    """Raised in a task to steer the worker."""


class Ignore(TaskPredicate):
    """End the task without storing a result."""


class Reject(TaskPredicate):
    """Refuse the message; with `requeue` it is handed to a worker again."""

    def __init__(self, reason: Any = None, requeue: bool = False) -> None:
        self.reason, self.requeue = reason, requeue
        super().__init__(reason, requeue)


class Retry(TaskPredicate):
    """The task is to run again.

    Args:
        message: why, in words.
        exc: the exception that led to it.
        when: s from now, or the moment.
    """

    def __init__(
        self,
        message: str | None = None,
        exc: BaseException | None = None,
        when: float | datetime.datetime | None = None,
        is_eager: bool = False,
        args: Any = None,
        kwargs: Any = None,
    ) -> None:
        self.message, self.exc, self.when, self.is_eager = message, exc, when, is_eager
        self.new_args, self.new_kwargs = args, kwargs
        super().__init__(message, exc, when)

    def __str__(self) -> str:
        reason = self.message or (repr(self.exc) if self.exc is not None else "")
        when = f" in {self.when}s" if isinstance(self.when, (int, float)) else f" at {self.when}"
        return f"Retry{when if self.when is not None else ''}{': ' if reason else ''}{reason}"


class CeleryWarning(UserWarning):
    """Root of the warnings of the Celery front."""


class DuplicateTaskNameWarning(CeleryWarning):
    """Two functions were made tasks of one name."""
