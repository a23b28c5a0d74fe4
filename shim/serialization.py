"""Values that plain JSON cannot hold, by kombu's JSON. What plain JSON can hold stays plain, for
Node.
"""

from __future__ import annotations

import json
from typing import Any

from kombu.utils import json as kombu_json

from bullrush.core.encoding import encode_json
from bullrush.core.errors import UnserializableData

from .exceptions import UnserializableArgument

#: Kombu marks a datetime, Decimal, UUID or bytes by this key.
_kombu: Any = kombu_json
_MARK = b'"__type__"'


def dumps(value: Any, what: str) -> str:
    """JSON text that Node can read as well.

    Raises:
        UnserializableArgument: names the part of `what` that has no JSON form; it is kombu's
            `EncodeError` as well.
    """
    try:
        return encode_json(value, what)
    except UnserializableData as refused:
        try:
            text = str(_kombu.dumps(value, ensure_ascii=False))
            json.loads(text, parse_constant=_refuse_constant)
            text.encode()
        except (TypeError, ValueError, RecursionError):
            raise UnserializableArgument(*refused.args) from None
        return text


def loads(raw: bytes | None, plain: Any) -> Any:
    """The value of stored text; `plain` is what ordinary JSON makes of it."""
    if raw is None or _MARK not in raw:
        return plain
    try:
        return _kombu.loads(raw)
    except (TypeError, ValueError, KeyError):
        return plain


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
