"""What is called when a task has failed."""

from __future__ import annotations

import inspect
from typing import Any

_PLACES = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def takes_the_exception(task: Any) -> bool:
    """Whether an errback is called as ``f(request, exc, traceback)``, and not sent as a task with
    the id of the one that failed: it is not bound, and takes more than one argument.
    """
    if task.bind:
        return False
    try:
        parameters = inspect.signature(task.run).parameters.values()
    except (TypeError, ValueError):
        return False
    places = [each for each in parameters if each.kind in _PLACES]
    return len(places) > 1 or any(each.kind is each.VAR_POSITIONAL for each in parameters)
