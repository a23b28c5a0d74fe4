"""Running a task again: what is decided in the task, and done by the worker."""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn

from bullrush.core import clock
from bullrush.core.errors import InvalidOption

from ..exceptions import Ignore, Retry
from ..utils.time import get_exponential_backoff_interval
from .arguments import merged

if TYPE_CHECKING:
    from .context import Context
    from .task import Task


#: Options of a call that a retry cannot have.
_OF_A_NEW_CALL = ("task_id", "retries", "root_id", "parent_id")


@dataclass(frozen=True)
class Plan:
    """How a task runs again.

    Args:
        args, kwargs: its arguments, all of them.
        options: those of `apply_async` that are to differ.
        changed: whether any argument differs from those of this run.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    options: Mapping[str, Any]
    changed: bool


def plan_of(
    task: Task, request: Context, args: Any, kwargs: Any, options: Mapping[str, Any]
) -> Plan:
    """What a retry asked for.

    Raises:
        TypeError: arguments of a wrong kind.
        InvalidOption: an option that a retry cannot have.
    """
    for name in _OF_A_NEW_CALL:
        if name in options:
            raise InvalidOption(
                f"retry({name}=...): it is the same task that runs again; apply_async makes a new "
                "one"
            )
    changed = args is not None or kwargs is not None
    before = (request.args or (), request.kwargs or {})
    new_args, new_kwargs = merged(task.run, before, args, kwargs)
    return Plan(new_args, new_kwargs, options, changed)


def refuse(task: Task, request: Context, exc: BaseException | None) -> NoReturn:
    """There are no more retries.

    Raises:
        BaseException: `exc`, else `Task.MaxRetriesExceededError`.
    """
    if exc is not None:
        raise exc
    args, kwargs = tuple(request.args or ()), request.kwargs
    raise task.MaxRetriesExceededError(
        f"Can't retry {task.name}[{request.id}] args:{args} kwargs:{kwargs}",
        task_args=args,
        task_kwargs=kwargs,
    )


def seconds_until(when: Any) -> float:
    """s from now; a datetime without a zone is UTC."""
    if isinstance(when, str):
        when = datetime.datetime.fromisoformat(when)
    if isinstance(when, datetime.datetime):
        moment = when if when.tzinfo else when.replace(tzinfo=datetime.timezone.utc)
        when = (moment - clock.now()).total_seconds()
    if isinstance(when, bool) or not isinstance(when, (int, float)):
        raise InvalidOption(f"eta and countdown are a datetime or a number of s, not {when!r}")
    return max(0.0, when)


def backoff_of(task: Task, retries: int) -> float | None:
    """s that a task waits before it is retried by itself; None when it does not say."""
    if not task.retry_backoff:
        return None
    return get_exponential_backoff_interval(
        max(1, int(task.retry_backoff)), retries, int(task.retry_backoff_max), task.retry_jitter
    )


def retry_by_itself(task: Task, error: BaseException) -> NoReturn:
    """Called for an exception that a run of an ``autoretry_for`` task has raised.

    Raises:
        Retry: it runs again.
        BaseException: the error itself, when it does not.
    """
    if not isinstance(error, tuple(task.autoretry_for)) or isinstance(
        error, (Ignore, Retry, *task.dont_autoretry_for)
    ):
        raise error
    options = dict(task.retry_kwargs)
    wait = backoff_of(task, task.request.retries)
    if wait is not None:
        options["countdown"] = wait
    if hasattr(task, "override_max_retries"):
        options.setdefault("max_retries", task.override_max_retries)
    raise task.retry(exc=error, **options)


def retrying(task: Task, run: Callable[..., Any]) -> Callable[..., Any]:
    """`run`, retried by itself after the exceptions that `task` names."""
    if inspect.iscoroutinefunction(run):

        @wraps(run)
        async def run_coroutine(*args: Any, **kwargs: Any) -> Any:
            try:
                return await run(*args, **kwargs)
            except Exception as error:
                retry_by_itself(task, error)

        return run_coroutine

    @wraps(run)
    def run_function(*args: Any, **kwargs: Any) -> Any:
        try:
            return run(*args, **kwargs)
        except Exception as error:
            retry_by_itself(task, error)

    return run_function
