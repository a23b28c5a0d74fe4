"""Work that is done inside a Flask application's context, as a view is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

from flask import Flask

from bullrush.core.delivery import Delivery
from bullrush.core.worker import Handler

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


class HandlerInContext:
    """A handler that runs in a context of the application, and what the handler says more of itself
    (limits, batches, rate limits, see `bullrush.core.worker.Execution`) unchanged.

    Args:
        app: the application.
        handler: the handler.
    """

    def __init__(self, app: Flask, handler: Handler) -> None:
        self._handler = handler
        self._run = in_app_context(app, handler)
        own = getattr(handler, "failure", None)
        if own is not None:
            self.failure = in_app_context(app, own)

    def __call__(self, delivery: Delivery) -> Any:
        """Run it."""
        return self._run(delivery)

    def is_coroutine(self, delivery: Delivery) -> bool:
        """Whether it is a coroutine function."""
        own = getattr(self._handler, "is_coroutine", None)
        return inspect.iscoroutinefunction(self._handler) if own is None else bool(own(delivery))

    def __reduce__(self) -> Any:
        """In another process the handler finds its application, and is put into it, by itself."""
        return self._handler.__reduce__()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # while it is unpickled there is no handler yet
            raise AttributeError(name)
        return getattr(self._handler, name)
