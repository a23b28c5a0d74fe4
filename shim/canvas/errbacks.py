"""What is called when a task has failed."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..app.base import Celery
    from .signatures import Signature

logger = logging.getLogger("celery.app.trace")

_PLACES = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def called_here(
    app: Celery, errback: Signature, request: Any, error: Any, traceback: str | None
) -> bool:
    """Call an errback as ``f(request, exc, traceback)``, with its own arguments behind these, if it
    takes them. What it raises is told in the log.

    Returns:
        False if it is to be sent as a task, with the id of the one that has failed.
    """
    task = app.tasks.get(errback.task) if errback.subtask_type is None else None
    if task is None or not _takes_the_exception(task, errback):
        return False
    try:
        task(request, error, traceback, *errback.args, **errback.kwargs)
    except Exception:
        logger.exception("the errback %s of %s raised", task.name, request.id)
    return True


def _takes_the_exception(task: Any, errback: Signature) -> bool:
    """Whether it is not bound, not immutable, and has more than one place beside those that the
    signature fills.
    """
    if task.bind or errback.immutable:
        return False
    try:
        parameters = inspect.signature(task.run).parameters.values()
    except (TypeError, ValueError):
        return False
    places = [
        each for each in parameters if each.kind in _PLACES and each.name not in errback.kwargs
    ]
    takes_any = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    return takes_any or len(places) - len(errback.args) > 1
