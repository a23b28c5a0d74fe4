"""The stored form of a task: ``{"args", "kwargs"}`` plus one ``celery`` object with what differs
from the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bullrush.core.outcome import RawJson
from bullrush.exceptions import InvalidTaskError

from .serialization import dumps, loads


@dataclass(frozen=True)
class Message:
    """What a worker needs to call a task.

    Args:
        headers: the ``celery`` object: root_id, parent_id, expires (ISO text), eta, headers,
            derived (attempts and backoff were written for Node's sake and Celery's own rule decides
            here).
    """

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, Any] = field(default_factory=dict)

    def encode(self) -> RawJson:
        """The job's data.

        Raises:
            UnserializableData: names the argument without a JSON form.
        """
        parts = [
            f'"args":{dumps(list(self.args), "args")}',
            f'"kwargs":{dumps(self.kwargs, "kwargs")}',
        ]
        if self.headers:
            parts.append(f'"celery":{dumps(self.headers, "headers")}')
        return RawJson("{" + ",".join(parts) + "}")


def decode(raw: bytes | None, plain: Any) -> Message:
    """A message from a job's data, whoever wrote it.

    An object of another shape is passed as keyword arguments.

    Args:
        raw: the stored text.
        plain: what ordinary JSON makes of it.

    Raises:
        InvalidTaskError: the data is no object, or its parts have the wrong kind.
    """
    data = loads(raw, plain)
    if not isinstance(data, Mapping):
        raise InvalidTaskError(
            f"the data of a task is an object with args and kwargs, not {type(data).__name__}"
        )
    if not ({"args", "kwargs"} & data.keys()) or data.keys() - {"args", "kwargs", "celery"}:
        return Message(kwargs=dict(data))
    args, kwargs, headers = (data.get(name) for name in ("args", "kwargs", "celery"))
    # Redis' own JSON writer turns an empty list into an empty object, and Node's jobs may have
    # passed it.
    if args != {} and not isinstance(args, (list, tuple, type(None))):
        raise InvalidTaskError(f"args of a task is a list, not {type(args).__name__}")
    for name, part in (("kwargs", kwargs), ("celery", headers)):
        if part and not isinstance(part, Mapping):
            raise InvalidTaskError(f"{name} of a task is an object, not {type(part).__name__}")
    return Message(tuple(args or ()), dict(kwargs or {}), dict(headers or {}))
