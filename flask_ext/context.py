"""Work that is done inside a Flask application's context, as a view is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

from flask import Flask

P = ParamSpec("P")


def in_app_context(app: Flask, function: Callable[P, Any]) -> Callable[P, Any]:
    """The function, run in a context of its own.

    ``current_app`` is the app, and ``g`` is empty at every call. A coroutine function keeps its
    context until it ends, not just until it is called.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> Any:
        with app.app_context():
            result = function(*args, **kwargs)
        return _awaited(app, result) if inspect.iscoroutine(result) else result

    return run


async def _awaited(app: Flask, coroutine: Coroutine[Any, Any, Any]) -> Any:
    with app.app_context():
        return await coroutine
