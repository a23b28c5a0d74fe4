"""Stand-ins for tests of a project's own code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import Mock

from ...ids import uuid
from ...serialization import dumps


def TaskMessage(
    name: str,
    id: str | None = None,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    callbacks: Any = None,
    errbacks: Any = None,
    chain: Any = None,
    shadow: str | None = None,
    utc: bool | None = None,
    **options: Any,
) -> Any:
    """A message of Celery's protocol 2, as a mock with its headers and payload."""
    task_id = id or uuid()
    headers = {"id": task_id, "task": name, "shadow": shadow, **options}
    embed = {"callbacks": callbacks, "errbacks": errbacks, "chain": chain}
    return _message(task_id, headers, (args, dict(kwargs or {}), embed), options)


def TaskMessage1(
    name: str,
    id: str | None = None,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    callbacks: Any = None,
    errbacks: Any = None,
    chain: Any = None,
    **options: Any,
) -> Any:
    """The same of protocol 1: everything is in the payload."""
    task_id = id or uuid()
    payload = {
        "task": name,
        "id": task_id,
        "args": args,
        "kwargs": dict(kwargs or {}),
        "callbacks": callbacks,
        "errbacks": errbacks,
        **options,
    }
    return _message(task_id, {}, payload, options)


def _message(
    task_id: str, headers: dict[str, Any], payload: Any, options: Mapping[str, Any]
) -> Any:
    message = Mock(name=f"TaskMessage-{task_id}")
    message.headers, message.payload = headers, payload
    message.properties = {"correlation_id": task_id, "reply_to": options.get("reply_to")}
    message.body = dumps(payload, "payload")
    message.content_type, message.content_encoding = "application/json", "utf-8"
    return message


def task_message_from_sig(
    app: Any, sig: Any, utc: bool = True, TaskMessage: Any = TaskMessage
) -> Any:
    """The message of a signature."""
    sig.freeze()
    return TaskMessage(sig.task, id=sig.id, args=sig.args, kwargs=sig.kwargs)


class ContextMock(Mock, AbstractContextManager):  # type: ignore[type-arg]
    """A mock that can stand in a ``with`` block."""

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing."""
