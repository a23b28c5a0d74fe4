"""``Task.Request``: a class of the user's that is told how the worker's part of a run has gone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ..einfo import ExceptionInfo
from ..exceptions import SoftTimeLimitExceeded, TimeLimitExceeded
from .importing import imported
from .task_options import DEFAULT_REQUEST
from .telling import clock

if TYPE_CHECKING:
    from .runs import Run

logger = logging.getLogger("celery.app.trace")


def tell_request(run: Run, came: Any) -> None:
    """Tell the task's own request class, if it has one. What that raises is logged.

    Args:
        came: the value, or `ExceptionInfo`.
    """
    kind = run.task.Request
    if kind is DEFAULT_REQUEST:
        return
    try:
        kind = imported(kind) if isinstance(kind, str) else kind
        request = kind(run.task.app, run.context.hostname, run.delivery)
        failed = isinstance(came, ExceptionInfo)
        if failed and isinstance(came.exception, (SoftTimeLimitExceeded, TimeLimitExceeded)):
            soft = isinstance(came.exception, SoftTimeLimitExceeded)
            request.on_timeout(soft, _limit_of(run, soft))
        request.on_success((failed, came, clock() - run.began))
    except Exception:
        logger.exception("Request of %s raised", run.task.name)


def _limit_of(run: Run, soft: bool) -> float | None:
    """s, of the call, of the task, or of the settings."""
    hard_limit, soft_limit = run.context.timelimit or (None, None)
    own: float | None = soft_limit if soft else hard_limit
    conf = run.task.app.conf
    usual: float | None = conf.task_soft_time_limit if soft else conf.task_time_limit
    return usual if own is None else own
