"""Where other libraries get around the runs of tasks: Sentry and its like put a `build_tracer` of
their own in place of that of ``celery.app.trace``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, TypeAlias

from .task import Task

#: Called with the id, args and kwargs of a run, and with its request as a dict.
TracerFunction: TypeAlias = Callable[..., Any]

#: What is to be run when a tracer is called.
_begun: ContextVar[Callable[[], Any]] = ContextVar("bullrush_begun")


def build_tracer(name: str, task: Task, *args: Any, **kwargs: Any) -> TracerFunction:
    """What runs a task, asked for once for each task in each process of a worker. What stands in
    its place on ``celery.app.trace`` can change the task, and wrap what it gives.

    Args:
        name: of the task.
        *args, **kwargs: as Celery has them; without effect.
    """

    def tracer(uuid: str, args: Any, kwargs: Any, request: Mapping[str, Any] | None = None) -> Any:
        """Run it; what it gives is the worker's."""
        return _begun.get()()

    return tracer


def traced(tracer: TracerFunction, start: Callable[[], Any], request: Any) -> Any:
    """What `start` gives, within a tracer."""
    token = _begun.set(start)
    try:
        told = {**vars(request), "headers": request.headers}
        return tracer(request.id, request.args, request.kwargs, told)
    finally:
        _begun.reset(token)


def task_has_custom(task: Task, attr: str) -> bool:
    """Whether the class of a task, or one that it comes from below `Task`, has its own of that
    name.
    """
    own = type(task).__mro__[: type(task).__mro__.index(Task)]
    return any(attr in vars(each) for each in own)
