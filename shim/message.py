"""The stored form of a task: ``{"args", "kwargs"}`` plus one ``celery`` object with what differs
from the default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bullrush.core.encoding import encode_json
from bullrush.core.outcome import RawJson
from bullrush.exceptions import InvalidTaskError

from .serialization import (
    JSON,
    EncodeError,
    dumps,
    is_box,
    is_plain,
    loads,
    needs_packing,
    pack,
    unpack,
)

#: What a task returns that stores no result (`Ignore`). Every reader of JSON takes it for null; we
#: tell it from a null that was returned.
NO_RESULT = RawJson(" null")
#: What is before the value of a task that has let go of what follows it. A value of JSON never
#: begins with a blank; one behind which nothing runs does.
LAST = "  "


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

    def encode(self, serializer: str = JSON, compression: str | None = None) -> RawJson:
        """The job's data: plain JSON, or what another serializer or a compression makes of the
        arguments.

        Raises:
            EncodeError: names the argument that the serializer cannot hold.
        """
        packed = not is_plain(serializer, compression)
        parts = self._packed(serializer, compression) if packed else self._plain()
        if self.headers:
            parts.append(f'"celery":{dumps(self.headers, "headers")}')
        return RawJson("{" + ",".join(parts) + "}")

    def _plain(self) -> list[str]:
        try:
            return [
                f'"args":{dumps(self.args, "args")}',
                f'"kwargs":{dumps(self.kwargs, "kwargs")}',
            ]
        except EncodeError:
            if not needs_packing((self.args, self.kwargs)):
                raise
            return self._packed(JSON, None)

    def _packed(self, serializer: str, compression: str | None) -> list[str]:
        return [encode_json(pack((self.args, self.kwargs), serializer, compression))[1:-1]]


def decode(raw: bytes | None, plain: Any, accept: Iterable[str] | None = None) -> Message:
    """A message from a job's data, whoever wrote it.

    An object of another shape is passed as keyword arguments.

    Args:
        raw: the stored text.
        plain: what ordinary JSON makes of it.
        accept: the serializers that the arguments may have been packed by; JSON when not given.

    Raises:
        InvalidTaskError: the data is no object, or its parts have the wrong kind.
        ContentDisallowed: packed by another serializer.
        DecodeError: what was packed cannot be read.
    """
    data = loads(raw, plain)
    return _ordinary(data) or _any(data, accept)


def _ordinary(data: Any) -> Message | None:
    """A message as we and Celery users write it, which is nearly every one. The types are those
    that JSON gives.
    """
    if type(data) is not dict or type(args := data.get("args")) is not list:
        return None
    kwargs, headers = data.get("kwargs"), data.get("celery", {})
    if type(kwargs) is not dict or type(headers) is not dict:
        return None
    return Message(tuple(args), kwargs, headers) if len(data) == 2 + ("celery" in data) else None


def _any(data: Any, accept: Iterable[str] | None) -> Message:
    if not isinstance(data, Mapping):
        raise InvalidTaskError(
            f"the data of a task is an object with args and kwargs, not {type(data).__name__}"
        )
    if is_box(data):
        return _unpacked(data, accept)
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


def _unpacked(box: Mapping[str, Any], accept: Iterable[str] | None) -> Message:
    value = unpack(box, accept)
    if not isinstance(value, (list, tuple)) or len(value) < 2:
        raise InvalidTaskError("the packed arguments of a task are a pair of args and kwargs")
    args, kwargs = value[0], value[1]
    if not isinstance(args, (list, tuple)) or not isinstance(kwargs, Mapping):
        raise InvalidTaskError("the packed arguments of a task are a list and a mapping")
    return Message(tuple(args), dict(kwargs), dict(box.get("celery") or {}))
