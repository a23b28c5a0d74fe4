"""What a request may carry."""

from __future__ import annotations

import re

from flask import Request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.wsgi import get_input_stream

#: How deep the JSON of a body may be nested.
DEPTH = 64

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


def limit_body(request: Request, max_body: int) -> None:
    """Bound how much of the body is read, however it is sent.

    Args:
        request: its stream is replaced.
        max_body: bytes.

    Raises:
        RequestEntityTooLarge: the headers say that there is more.
    """
    if (request.content_length or 0) > max_body:
        raise RequestEntityTooLarge(f"the body may have {max_body} bytes at most")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("a compressed body is not taken")
    # The stream ends there without a word, so one byte more tells whether there was more.
    request.stream = get_input_stream(request.environ, max_content_length=max_body + 1)


def check_json(request: Request, max_body: int) -> None:
    """Refuse a body that is no JSON object or list in UTF-8, or is nested too deeply.

    No body is fine as well. Forms of other sites can send everything but JSON without asking.

    Raises:
        BadRequest: it is nested too deeply.
        RequestEntityTooLarge: it is longer than allowed.
        UnsupportedMediaType: it is something else.
    """
    body = request.get_data()
    if len(body) > max_body:
        raise RequestEntityTooLarge(f"the body may have {max_body} bytes at most")
    if not body:
        return
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != "application/json" or charset not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("the body is application/json, in UTF-8")
    if is_deeper(body, DEPTH):
        raise BadRequest(f"the JSON of the body is nested more than {DEPTH} levels deep")


def is_deeper(body: bytes, limit: int) -> bool:
    """Whether the brackets of a JSON text are nested more than `limit` levels deep."""
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", body)):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > limit:
            return True
    return False
