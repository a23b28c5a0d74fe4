"""Values as text that Redis and Node can hold: plain JSON where it can be, kombu's serializers
where not.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from kombu import compression as kombu_compression
from kombu import serialization as kombu_serialization
from kombu.exceptions import SerializerNotInstalled
from kombu.utils import json as kombu_json

from bullrush.core.encoding import encode_json
from bullrush.core.errors import InvalidOption, UnserializableData

from .exceptions import (
    ContentDisallowed,
    DecodeError,
    EncodeError,
    ImproperlyConfigured,
    UnserializableArgument,
)

#: Kombu marks a datetime, Decimal, UUID or bytes by this key.
_kombu: Any = kombu_json
_compression: Any = kombu_compression
_serialization: Any = kombu_serialization
_MARK = b'"__type__"'
#: What a packed value has; `compression` as well, when it is compressed.
_BOX = frozenset({"content_type", "content_encoding", "body"})
_BOXED_RESULT = b'{"celery":{"content_type":'
JSON = "json"
#: What a compressed record begins with, before the kind and a NUL.
_COMPRESSED = b"\0celery-compressed\0"
_JSON_NAMES = frozenset({JSON, "application/json"})


def is_plain(serializer: str | None, compression: str | None) -> bool:
    """Whether a value of that kind is stored as JSON that Node reads."""
    return compression is None and serializer in _JSON_NAMES


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


def loads(raw: bytes | None, plain: Any, accept: Iterable[str] | None = None) -> Any:
    """The value of stored text; `plain` is what ordinary JSON makes of it.

    Args:
        accept: the serializers that a packed value may have; JSON when not given.

    Raises:
        ContentDisallowed: it was packed by another one.
        DecodeError: it cannot be unpacked.
    """
    if raw is None:
        return plain
    if raw.startswith(_BOXED_RESULT) and is_box(box := plain.get("celery")):
        return unpack(box, accept)
    if _MARK not in raw:
        return plain
    try:
        return _kombu.loads(raw)
    except (TypeError, ValueError, KeyError):
        return plain


def dump_result(value: Any, serializer: str, compression: str | None = None) -> str:
    """What is stored of a result.

    Raises:
        EncodeError: the serializer cannot hold it.
    """
    if is_plain(serializer, compression):
        try:
            return dumps(value, "the returned value")
        except UnserializableArgument:
            if not needs_packing(value):
                raise
    return encode_json({"celery": pack(value, serializer, compression)})


def packed_record(text: str, compression: str | None) -> str | bytes:
    """A record of a result as Celery stores it, compressed if it is to be.

    Raises:
        InvalidOption: there is no such compression.
    """
    if not compression:
        return text
    body, kind = _compressed(text.encode(), compression)
    return b"".join((_COMPRESSED, kind.encode(), b"\0", body))


def unpacked_record(raw: bytes | None) -> bytes | None:
    """The text of a record that may be compressed.

    Raises:
        DecodeError: it cannot be expanded.
    """
    if raw is None or not raw.startswith(_COMPRESSED):
        return raw
    kind, _, body = raw[len(_COMPRESSED) :].partition(b"\0")
    try:
        found: bytes = _compression.decompress(body, kind.decode())
    except Exception as error:
        raise DecodeError(f"the stored result cannot be expanded: {error}") from error
    return found


def pack(value: Any, serializer: str, compression: str | None = None) -> dict[str, str]:
    """A value by one of kombu's serializers: ``content_type``, ``content_encoding``, ``body`` and,
    if it is compressed, ``compression``. The body is base64 unless it is text.

    Raises:
        EncodeError: the serializer cannot hold it.
        SerializerNotInstalled: there is no such serializer.
        InvalidOption: there is no such compression.
    """
    kind, encoding, body = _serialization.dumps(value, serializer=serializer)
    box = {"content_type": kind, "content_encoding": encoding}
    if compression:
        body, box["compression"] = _compressed(body, compression)
    if isinstance(body, bytes):
        body = base64.b64encode(body).decode()
    return {**box, "body": body}


def _compressed(body: Any, compression: str) -> tuple[bytes, str]:
    try:
        packed, kind = _compression.compress(body, compression)
    except KeyError:
        raise InvalidOption(
            f"there is no compression {compression!r} here; there are "
            f"{', '.join(sorted(_compression.encoders()))}"
        ) from None
    return packed, kind


def unpack(box: Mapping[str, Any], accept: Iterable[str] | None = None) -> Any:
    """The value that `pack` got.

    Raises:
        ContentDisallowed: its serializer is none of `accept`.
        DecodeError: it is damaged, or its serializer is not here.
    """
    kind, encoding, body = box["content_type"], box["content_encoding"], box["body"]
    compression = box.get("compression")
    allowed = _allowed(tuple(accept) if accept is not None else (JSON,))
    if kind not in allowed:
        raise ContentDisallowed(
            f"Refusing to deserialize disabled content of type {kind}; accept_content lets in "
            f"{', '.join(sorted(allowed))}"
        )
    try:
        if compression or encoding == "binary":
            body = base64.b64decode(body, validate=True)
        if compression:
            body = _compression.decompress(body, compression)
        return _serialization.loads(body, kind, encoding, accept=allowed)
    except (DecodeError, ContentDisallowed):
        raise
    except Exception as error:
        raise DecodeError(f"content of type {kind} cannot be read: {error!r:.200}") from error


def is_box(value: Any) -> bool:
    """Whether it is what `pack` makes."""
    return isinstance(value, Mapping) and value.keys() - {"compression", "celery"} == _BOX


def content_types(accept: Iterable[str]) -> frozenset[str]:
    """Names of serializers as content types.

    Raises:
        SerializerNotInstalled: one of them is not here.
    """
    return _allowed(tuple(accept))


def check_accepted(setting: str, accept: Iterable[str]) -> None:
    """Refuse what could never be read.

    Raises:
        ImproperlyConfigured: one of these names is no serializer; says of which setting it is.
    """
    try:
        content_types(accept)
    except SerializerNotInstalled as error:
        raise ImproperlyConfigured(f"{setting}: {error}; register it with kombu") from None


@lru_cache(maxsize=64)
def _allowed(accept: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_serialization.prepare_accept_content(accept))


def needs_packing(value: Any) -> bool:
    """Whether JSON can hold it, but not JSON that Node reads: a NaN or an infinity."""
    try:
        text = str(_kombu.dumps(value, ensure_ascii=False))
        text.encode()
    except (TypeError, ValueError, RecursionError):
        return False
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        return True
    return False


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


__all__ = [
    "JSON",
    "ContentDisallowed",
    "DecodeError",
    "EncodeError",
    "content_types",
    "dump_result",
    "dumps",
    "is_box",
    "is_plain",
    "loads",
    "needs_packing",
    "pack",
    "unpack",
]


def coding_of(data: Any) -> tuple[str, str | None]:
    """The serializer and the compression of stored arguments.

    Args:
        data: as ordinary JSON reads them.
    """
    if not isinstance(data, Mapping) or not is_box(data):
        return JSON, None
    kind = data["content_type"]
    name = _serialization.registry.type_to_name.get(kind, kind)
    return name, data.get("compression")
