"""Tasks run here and now, for tests (``task_always_eager`` and ``Task.apply``)."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from bullrush.core.outcome import stack_of

from . import states
from .app import telling
from .app.task import Context, Task
from .batches import run_one
from .exceptions import Ignore, Retry
from .ids import uuid
from .local import running
from .result import EagerResult


def run_eagerly(
    task: Task, args: tuple[Any, ...], kwargs: dict[str, Any], throw: bool, task_id: str | None
) -> EagerResult:
    """Run it with its retries, without waiting between them.

    Raises:
        Exception: what the task raised, when `throw`.
    """
    task_id = task_id or uuid()
    retries = 0
    while True:
        context = Context(
            id=task_id,
            task=task.name,
            args=list(args),
            kwargs=kwargs,
            retries=retries,
            called_directly=False,
            is_eager=True,
            delivery_info={"is_eager": True},
        )
        token = running.set((*running.get(), (task, context)))
        began = telling.clock()
        telling.tell_prerun(task, context)
        try:
            value = (
                task.run(*args, **kwargs)
                if task.batch is None
                else run_one(task, args, kwargs, context)
            )
            value = asyncio.run(value) if inspect.iscoroutine(value) else value
            telling.tell_success(task, context, value, began)
            telling.tell_postrun(task, context, value, states.SUCCESS)
            return EagerResult(task_id, value, states.SUCCESS, name=task.name)
        except Retry as signal:
            telling.tell_retry(task, context, signal, stack_of(signal))
            telling.tell_postrun(task, context, signal, states.RETRY)
            new_args, new_kwargs = signal.plan or (None, None)
            args = args if new_args is None else tuple(new_args)
            kwargs = kwargs if new_kwargs is None else dict(new_kwargs)
            retries += 1
        except Ignore as error:
            telling.tell_ignored(task, context, error)
            telling.tell_postrun(task, context, error, states.IGNORED)
            return EagerResult(task_id, None, states.IGNORED, name=task.name)
        except Exception as error:
            if isinstance(error, tuple(task.autoretry_for)) and (
                task.max_retries is None or retries < task.max_retries
            ):
                retries += 1
                reason = Retry(exc=error)
                telling.tell_retry(task, context, reason, stack_of(error))
                telling.tell_postrun(task, context, reason, states.RETRY)
                continue
            telling.tell_failure(task, context, error, stack_of(error))
            telling.tell_postrun(task, context, error, states.FAILURE)
            if throw:
                raise
            return EagerResult(task_id, error, states.FAILURE, stack_of(error), name=task.name)
        finally:
            running.reset(token)
