"""What is packed in a job: arguments and results of which another serializer than JSON, or a
compression, has made a text. Secrets in it cannot be found by looking at the text.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from bullrush.exceptions import ContentDisallowed, DecodeError
from bullrush.serialization import content_types, is_box, unpack

#: Serializers whose content is data alone: to read it runs nothing.
READABLE = ("json", "msgpack", "yaml")
#: Characters of a body that is looked into.
LONGEST = 500_000
#: How kombu's JSON marks a value that JSON has no form for.
_MARKED = frozenset({"__type__", "__value__"})


def is_packed(value: Mapping[Any, Any]) -> bool:
    """Whether its body is packed."""
    return is_box(value) or {"content_type", "body"} <= value.keys()


def opened(box: Mapping[str, Any]) -> dict[str, Any]:
    """What is in it, as if it had not been packed: ``args`` and ``kwargs`` of a call, or ``body``.

    Raises:
        ValueError: nobody can look into it; says why.
    """
    rest = {name: value for name, value in box.items() if name != "body"}
    value = _content(box)
    if isinstance(value, (list, tuple)) and len(value) in (2, 3):
        args, kwargs = value[0], value[1]
        if isinstance(args, (list, tuple)) and isinstance(kwargs, Mapping):
            more = {"embed": value[2]} if len(value) == 3 else {}
            return {"args": args, "kwargs": kwargs, **more, **rest}
    return {**rest, "body": value}


def _content(box: Mapping[str, Any]) -> Any:
    kind = str(box.get("content_type"))[:60]
    if box.get("compression"):  # a small text may expand to any size
        raise ValueError(f"{kind}, compressed")
    body = box["body"]
    if kind not in content_types(READABLE):
        raise ValueError(kind)
    if not is_box(box) or not isinstance(body, str) or len(body) > LONGEST:
        raise ValueError(f"{kind}, of another form")
    try:
        return unpack(box, READABLE)
    except (DecodeError, ContentDisallowed, RecursionError):
        raise ValueError(f"{kind}, damaged") from None


def bytes_in(value: Mapping[Any, Any]) -> bytes | None:
    """The bytes that kombu's JSON holds as base64; None when it is something else."""
    if value.keys() != _MARKED or value["__type__"] not in ("base64", "bytes"):
        return None
    try:
        return base64.b64decode(value["__value__"], validate=True)
    except (binascii.Error, TypeError, ValueError):
        return b"[damaged]"
