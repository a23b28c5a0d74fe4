"""JSON that every reader of a queue accepts; words for what has no such form (protocol 15.7)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .errors import UnserializableData


def _new_encoder() -> Callable[[Any], str]:
    """What `json.JSONEncoder` does, with the part that it makes anew for each value made once: that
    takes as long as encoding a hundred bytes. Where there is no such part, the encoder itself.
    """
    plain = json.JSONEncoder(
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
        check_circular=False,  # the recursion limit finds a circle as well, and costs nothing
    )
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    try:
        pieces = make(
            None, plain.default, json.encoder.encode_basestring, None, ":", ",", False, False, False
        )
        if "".join(pieces({"a": [1, "\u00e9"]}, 0)) == plain.encode({"a": [1, "\u00e9"]}):
            return lambda value: "".join(pieces(value, 0))
    except TypeError:  # another Python, which makes it otherwise
        pass
    return plain.encode


_encode = _new_encoder()


def encode_json(value: Any, what: str = "data") -> str:
    """JSON that every reader accepts: no NaN, no lone surrogates (protocol 15.7).

    Raises:
        UnserializableData: names the part that has no JSON form.
    """
    try:
        text = _encode(value)
        if not text.isascii():
            text.encode()  # fails on half of a surrogate pair
    except (TypeError, ValueError, RecursionError) as error:
        raise UnserializableData(
            _culprit(value, what) or f"{what} has no JSON form: {error}"
        ) from None
    return text


def _culprit(value: Any, path: str) -> str | None:
    """Where the first part without a JSON form is, in words; None when it cannot be named."""
    try:
        return _find_culprit(value, path)
    except RecursionError:
        return f"{path} is nested too deeply, or contains itself, and has no JSON form"


def _find_culprit(value: Any, path: str) -> str | None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, (str, int, float, bool, type(None))):
                kind = type(key).__name__
                return f"{path} has a key of type {kind}, which JSON cannot hold: {key!r}"
            found = _find_culprit(item, f"{path}.{key}")
            if found:
                return found
        return None
    if isinstance(value, (list, tuple)):
        return next(
            filter(None, (_find_culprit(v, f"{path}[{i}]") for i, v in enumerate(value))), None
        )
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError):
        kind = type(value).__name__
        return f"{path} is {kind} {value!r:.60}, which has no JSON form; pass text or a number"
    return None
