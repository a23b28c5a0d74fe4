"""The tasks that the application knows: what a new job of each has to carry."""

from __future__ import annotations

import inspect
import json
from typing import Any

from pydantic import Field, ValidationError
from werkzeug.exceptions import UnprocessableEntity

from bullrush import Task
from bullrush.exceptions import InvalidTaskError
from bullrush.message import decode

from ..binding import Binding
from .models import Answer, Json
from .routing import Asked, Routes
from .shown import redaction_of

ROUTES = Routes()


class TaskRow(Answer):
    """A task."""

    name: str
    call: str = Field(description="its parameters, as in Python")
    data: Json = Field(description="what a job of it carries, with null for what has no default")


class Tasks(Answer):
    """The tasks of this process, by name."""

    tasks: list[TaskRow]


@ROUTES.get("/admin/tasks")
def list_tasks(asked: Asked) -> Tasks:
    """The tasks that this process knows. Workers may know others."""
    redaction = redaction_of(asked.binding)
    rows = []
    for name, task in sorted(asked.binding.celery.tasks.items()):
        if not name.startswith("celery."):
            call, data = _call_of(task)
            rows.append(TaskRow(name=name, call=redaction.text(call), data=redaction(data)))
    return Tasks(tasks=rows)


def check_task(binding: Binding, name: str, data: Any) -> None:
    """Refuse data that the task of that name does not take; a name of no task is taken as it is.

    Raises:
        UnprocessableEntity: says what is wrong.
    """
    task = binding.celery.tasks.get(name)
    if task is None:
        return
    try:
        message = decode(json.dumps(data).encode(), data)
        task.checked_call(message.args, message.kwargs)
    except ValidationError as error:
        # Not the value itself: it may be a secret in the wrong place.
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part)[:50] for part in first["loc"])
        raise UnprocessableEntity(f"data.{place}: {first['msg']}") from None
    except (TypeError, InvalidTaskError) as error:
        raise UnprocessableEntity(f"data: {error}") from None


def _call_of(task: Task) -> tuple[str, Any]:
    """(its parameters as text, what a job of it carries)."""
    try:
        signature = inspect.signature(task.run)
    except (TypeError, ValueError):
        return "", {}
    names: dict[str, Any] = {}
    for each in signature.parameters.values():
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY):
            names[each.name] = None if each.default is each.empty else _plain(each.default)
    return str(signature), names


def _plain(value: Any) -> Any:
    """A default, where JSON has it."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else None
