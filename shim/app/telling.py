"""Who is told of the run of a task: the signals and the log, in Celery's words.

Each function is called at its moment, and costs a test or two when nobody listens.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from bullrush.core.errors import TimeLimitExceeded

from .. import signals
from ..exceptions import Ignore, Reject, Retry
from ..utils.saferepr import saferepr

if TYPE_CHECKING:
    from .task import Context, Task

logger = logging.getLogger("celery.app.trace")
request_logger = logging.getLogger("celery.worker.request")

LOG_SUCCESS = "Task %(name)s[%(id)s] succeeded in %(runtime)ss: %(return_value)s"
LOG_FAILURE = "Task %(name)s[%(id)s] %(description)s: %(exc)s"
LOG_INTERNAL_ERROR = LOG_FAILURE
LOG_IGNORED = "Task %(name)s[%(id)s] %(description)s"
LOG_REJECTED = "Task %(name)s[%(id)s] %(exc)s"
LOG_RETRY = "Task %(name)s[%(id)s] retry: %(exc)s"

#: Taken before a run, so that `tell_success` knows how long it took.
clock = time.monotonic


def tell_prerun(task: Task, request: Context) -> None:
    """The run begins."""
    if signals.task_prerun.receivers:
        signals.task_prerun.send(
            sender=task, task_id=request.id, task=task, args=request.args, kwargs=request.kwargs
        )


def tell_postrun(task: Task, request: Context, value: Any, state: str | None) -> None:
    """The run is over; `value` is what it returned, or the exception."""
    if signals.task_postrun.receivers:
        signals.task_postrun.send(
            sender=task,
            task_id=request.id,
            task=task,
            args=request.args,
            kwargs=request.kwargs,
            retval=value,
            state=state,
        )


def tell_success(task: Task, request: Context, value: Any, started: float) -> None:
    """It returned `value`.

    Args:
        started: what `clock` said before the run.
    """
    if signals.task_success.receivers:
        signals.task_success.send(sender=task, result=value, runtime=clock() - started)
    if logger.isEnabledFor(logging.INFO):
        most = getattr(task, "resultrepr_maxsize", 1024)
        extra = {"return_value": saferepr(value, most), "runtime": clock() - started}
        _log(logging.INFO, LOG_SUCCESS, task, request, extra)


def tell_retry(task: Task, request: Context, reason: Retry, einfo: Any) -> None:
    """It runs again later."""
    if signals.task_retry.receivers:
        signals.task_retry.send(sender=task, request=request, reason=reason, einfo=einfo)
    if logger.isEnabledFor(logging.INFO):
        _log(logging.INFO, LOG_RETRY, task, request, {"exc": str(reason)})


def tell_failure(
    task: Task, request: Context, error: BaseException, einfo: Any, *, log: bool = True
) -> None:
    """It failed for good."""
    _send_failure(task, request, error, einfo)
    if log:
        _log_failure(task, request, error, einfo)


def tell_of_end(task: Task, request: Context, error: BaseException) -> None:
    """The log of the worker's own process on a run that was ended from outside."""
    if isinstance(error, TimeLimitExceeded):
        what = "Hard time limit (%ss) exceeded for %s[%s]"
        request_logger.error(what, error.args[0], task.name, request.id)
    else:
        request_logger.error("Task handler raised error: %r", error)


def tell_ignored(task: Task, request: Context, error: Ignore) -> None:
    """It raised Ignore."""
    if logger.isEnabledFor(logging.INFO):
        _log(logging.INFO, LOG_IGNORED, task, request, {"description": "ignored"})


def tell_rejected(task: Task, request: Context, error: Reject, einfo: Any) -> None:
    """It raised Reject; without requeue that is a failure to those who wait for it."""
    if not error.requeue:
        _send_failure(task, request, error, einfo)
    _log(logging.WARNING, LOG_REJECTED, task, request, {"exc": repr(error)}, error)


def tell_revoked(
    task: Task,
    request: Context,
    *,
    terminated: bool = False,
    signum: Any = None,
    expired: bool = False,
) -> None:
    """It must not run, or its run was ended because somebody revoked it."""
    if signals.task_revoked.receivers:
        signals.task_revoked.send(
            sender=task, request=request, terminated=terminated, signum=signum, expired=expired
        )
    if not terminated:
        request_logger.info("Discarding revoked task: %s[%s]", task.name, request.id)


def tell_internal_error(
    task: Task, request: Context, error: BaseException, einfo: Any = None
) -> None:
    """Something around the run failed, not the task itself."""
    if signals.task_internal_error.receivers:
        signals.task_internal_error.send(
            sender=task,
            task_id=request.id,
            args=request.args,
            kwargs=request.kwargs,
            request=request,
            exception=error,
            traceback=error.__traceback__,
            einfo=einfo,
        )
    extra = {"description": "INTERNAL ERROR", "exc": saferepr(error)}
    _log(logging.CRITICAL, LOG_INTERNAL_ERROR, task, request, extra, error)


def _send_failure(task: Task, request: Context, error: BaseException, einfo: Any) -> None:
    if signals.task_failure.receivers:
        signals.task_failure.send(
            sender=task,
            task_id=request.id,
            exception=error,
            args=request.args,
            kwargs=request.kwargs,
            traceback=error.__traceback__,
            einfo=einfo,
        )


def _log_failure(task: Task, request: Context, error: BaseException, einfo: Any) -> None:
    expected = isinstance(error, tuple(task.throws))
    level = logging.INFO if expected else logging.ERROR
    if not logger.isEnabledFor(level):
        return
    extra = {
        "description": "raised expected" if expected else "raised unexpected",
        "exc": saferepr(error),
        "traceback": str(getattr(einfo, "traceback", None) or einfo or ""),
    }
    _log(level, LOG_FAILURE, task, request, extra, None if expected else error)


def _log(
    level: int,
    text: str,
    task: Task,
    request: Context,
    more: dict[str, Any],
    error: BaseException | None = None,
) -> None:
    about = {
        "id": request.id,
        "name": request.get("shadow") or task.name,
        "args": saferepr(request.args, 1024),
        "kwargs": saferepr(request.kwargs, 1024),
        "hostname": request.hostname,
        "internal": False,
        **more,
    }
    logger.log(level, text, about, exc_info=error, extra={"data": about})
