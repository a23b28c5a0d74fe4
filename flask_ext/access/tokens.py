"""Who may use the admin routes: whoever sends a token as ``Authorization: Bearer <token>``."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence


def digests_of(tokens: Iterable[str]) -> tuple[bytes, ...]:
    """What is kept of the configured tokens. Blank ones are no tokens.

    Digests, so that no dump of the settings shows a token.
    """
    return tuple(_digest(token.strip().encode()) for token in tokens if token.strip())


def is_authorized(header: str, digests: Sequence[bytes]) -> bool:
    """Whether the value of an Authorization header carries one of the tokens.

    Digests have equal lengths and all of them are compared, so the time it takes says nothing
    about a token.

    Args:
        header: as WSGI gives it: bytes decoded as Latin-1; empty when the header is missing.
        digests: what `digests_of` made of the configured tokens; empty means that nobody may.
    """
    scheme, _, given = header.partition(" ")
    sent = _digest(_bytes_of(given.strip()))
    matches = [hmac.compare_digest(sent, known) for known in digests]
    return scheme.lower() == "bearer" and any(matches)


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _bytes_of(text: str) -> bytes:
    """The bytes that the client sent."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:  # a server that decoded the header itself
        return text.encode("utf-8", "surrogatepass")
