"""Stand-ins for tests of a project's own code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import Mock

from ...ids import uuid


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
    message = Mock(name=f"TaskMessage-{task_id}")
    message.headers = {"id": task_id, "task": name, "shadow": shadow, **options}
    message.properties = {"correlation_id": task_id, "reply_to": options.get("reply_to")}
    embed = {"callbacks": callbacks, "errbacks": errbacks, "chain": chain}
    message.payload = (list(args), dict(kwargs or {}), embed)
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
