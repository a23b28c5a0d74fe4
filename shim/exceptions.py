"""Celery's exceptions, by Celery's names and with its base classes."""

from __future__ import annotations

import datetime
from importlib import import_module
from typing import Any

from kombu.exceptions import ContentDisallowed as ContentDisallowed
from kombu.exceptions import DecodeError as DecodeError
from kombu.exceptions import EncodeError as EncodeError
from kombu.exceptions import OperationalError as OperationalError

from bullrush.core.errors import (
    BullrushError,
    ConnectionFailed,
    RunEnded,
    UnserializableData,
)
from bullrush.core.errors import SoftTimeLimitExceeded as SoftTimeLimitExceeded
from bullrush.core.errors import TimeLimitExceeded as TimeLimitExceeded
from bullrush.core.errors import WorkerLostError as WorkerLostError


class CeleryError(BullrushError):
    """Root of the exceptions of the Celery front."""


class ImproperlyConfigured(CeleryError):
    """The configuration cannot work; the message says what to change."""


class SecurityError(CeleryError):
    """A signature or a certificate is not to be trusted."""


class TaskPredicate(CeleryError):
    """Raised in a task to steer the worker."""


class Ignore(TaskPredicate):
    """End the task and leave its state as it is."""


class Reject(TaskPredicate):
    """Refuse the message: the task fails with this, or with `requeue` a worker gets it again."""

    def __init__(self, reason: Any = None, requeue: bool = False) -> None:
        self.reason, self.requeue = reason, requeue
        super().__init__(reason, requeue)

    def __repr__(self) -> str:
        return f"reject requeue={self.requeue}: {self.reason}"


class Retry(TaskPredicate):
    """The task is to run again.

    Args:
        message: why, in words.
        exc: the exception that led to it.
        when: s from now, or the moment.
        is_eager: whether it runs here and now.
        sig: the signature that runs again, in eager mode.

    Attributes:
        excs: `exc` in words.
    """

    #: What the worker does with it; see `bullrush.app.retrying`.
    plan: Any = None

    def __init__(
        self,
        message: str | None = None,
        exc: BaseException | str | None = None,
        when: float | datetime.datetime | None = None,
        is_eager: bool = False,
        sig: Any = None,
        **options: Any,
    ) -> None:
        self.message, self.when, self.is_eager, self.sig = message, when, is_eager, sig
        self.exc = exc
        self.excs = repr(exc) if isinstance(exc, BaseException) else exc
        super().__init__(message, exc, when)

    @property
    def cause(self) -> BaseException | None:
        """The exception that led to it, if it is one and not a text."""
        return self.exc if isinstance(self.exc, BaseException) else None

    def humanize(self) -> str:
        """When, in words."""
        if isinstance(self.when, (int, float)):
            return f"in {self.when}s"
        return f"at {self.when}"

    def __str__(self) -> str:
        if self.message:
            return self.message
        return f"Retry {self.humanize()}{f': {self.excs}' if self.excs else ''}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.exc, self.when, self.is_eager)


#: The name that it had in old versions.
RetryTaskError = Retry


class TaskError(CeleryError):
    """Something about a task went wrong."""


class QueueNotFound(KeyError, TaskError):
    """The queue of a call is none of ``task_queues``, and no others may be made."""


class IncompleteStream(TaskError):
    """A result in a tree of results is not ready."""


class NotRegistered(KeyError, TaskError):
    """No task of that name is known here."""

    def __str__(self) -> str:
        name = self.args[0] if self.args else None
        return f"unknown task {name!r}: no module that this worker imports registers it"

    def __repr__(self) -> str:
        name = self.args[0] if self.args else None
        return f"Task of kind {name!r} never registered, please make sure it's imported."


class AlreadyRegistered(TaskError):
    """There is a task of that name."""


class TimeoutError(TaskError):
    """A result did not arrive in time. Not Python's class of that name."""


class MaxRetriesExceededError(TaskError):
    """A task asked for a retry after its last one.

    Attributes:
        task_args, task_kwargs: the arguments of the task.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.task_args = kwargs.pop("task_args", ())
        self.task_kwargs = kwargs.pop("task_kwargs", {})
        super().__init__(*args)


class TaskRevokedError(TaskError):
    """The task was revoked, terminated, or had expired before it ran."""


class InvalidTaskError(TaskError):
    """The message cannot be understood as a task."""


class ChordError(TaskError):
    """A task in the header of a chord failed."""


class BackendError(Exception):
    """A result could not be read or stored."""


class BackendGetMetaError(BackendError):
    """A result could not be read.

    Attributes:
        task_id: whose.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.task_id = kwargs.get("task_id", "")
        super().__init__(*args)

    def __repr__(self) -> str:
        return f"{super().__repr__()} task_id:{self.task_id}"


class BackendStoreError(BackendError):
    """A result could not be stored.

    Attributes:
        task_id, state: whose, and in which state.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.state = kwargs.get("state", "")
        self.task_id = kwargs.get("task_id", "")
        super().__init__(*args)

    def __repr__(self) -> str:
        return f"{super().__repr__()} state:{self.state} task_id:{self.task_id}"


class Terminated(RunEnded):
    """The run was ended by a signal that somebody sent."""


class WorkerTerminate(SystemExit):
    """Raised in the worker's own process to stop it at once."""


#: The name that it had in old versions.
SystemTerminate = WorkerTerminate


class WorkerShutdown(SystemExit):
    """Raised in the worker's own process to stop it when its tasks have ended."""


class UnserializableArgument(UnserializableData, EncodeError):
    """A value has no form in its serializer; caught as kombu's `EncodeError`."""


class BrokerUnreachable(ConnectionFailed, OperationalError):
    """Redis did not answer; caught as kombu's `OperationalError`."""


class CeleryWarning(UserWarning):
    """Root of the warnings."""


class AlwaysEagerIgnored(CeleryWarning):
    """``task_always_eager`` is on, and `send_task` sends all the same."""


class DuplicateNodenameWarning(CeleryWarning):
    """Several workers answer to one name."""


class DuplicateTaskNameWarning(CeleryWarning):
    """A task of that name is there already."""


class FixupWarning(CeleryWarning):
    """The adaptation to a framework could not be made."""


class NotConfigured(CeleryWarning):
    """There is no configuration."""


class SecurityWarning(CeleryWarning):
    """Something is less safe than it could be."""


class CPendingDeprecationWarning(PendingDeprecationWarning):
    """Something will go in a version that is not decided."""


class CDeprecationWarning(DeprecationWarning):
    """Something will go in the next version."""


def reraise(tp: type[BaseException], value: BaseException, tb: Any = None) -> None:
    """Raise an exception with a traceback of its own."""
    raise value.with_traceback(tb if tb is not None else value.__traceback__)


def __getattr__(name: str) -> Any:
    if name == "CeleryCommandException":  # its base is click's, which only the command line needs
        return import_module(".cli.failures", __package__).CeleryCommandException
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
