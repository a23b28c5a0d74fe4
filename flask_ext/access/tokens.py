"""Static tokens: ``Authorization: Bearer <token>``, each with a name and a role."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bullrush.core.errors import InvalidOption

from .roles import Role

_SHA256 = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)


@dataclass(frozen=True)
class Token:
    """A token that opens the admin routes.

    Attributes:
        name: whose it is, for the audit log.
        role: what it allows.
        digest: SHA-256 of it. The token itself is not kept, so that no dump can show it.
    """

    name: str
    role: Role
    digest: bytes = field(repr=False)


def digest_of(token: str) -> bytes:
    """SHA-256 of a token.

    Args:
        token: as configured, or as WSGI gives it: bytes decoded as Latin-1.
    """
    try:
        return hashlib.sha256(token.encode("latin-1")).digest()
    except UnicodeEncodeError:  # configured, or from a server that decoded the header itself
        return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def admin_tokens(tokens: Iterable[str]) -> tuple[Token, ...]:
    """The tokens of ``BULLRUSH_ADMIN_TOKEN``. Blank ones are no tokens."""
    return tuple(
        Token("admin", Role.ADMIN, _configured(token)) for token in tokens if token.strip()
    )


def named_tokens(config: Mapping[str, Any]) -> tuple[Token, ...]:
    """The tokens of ``BULLRUSH_TOKENS``.

    Args:
        config: name -> ``{"token": ..., "role": ...}`` or ``{"sha256": ..., "role": ...}``. Both
            may be lists, so that a new token can be given out before the old one is taken back.

    Raises:
        InvalidOption: an entry of another form. No value is named, it may be the token.
    """
    return tuple(token for name, entry in config.items() for token in _entry(str(name), entry))


def bearer_of(header: str) -> str | None:
    """The token in the value of an Authorization header; None when it has another scheme."""
    scheme, _, given = header.partition(" ")
    return given.strip() if scheme.lower() == "bearer" else None


def find_token(sent: bytes, tokens: Iterable[Token]) -> Token | None:
    """The token with that digest.

    Digests have equal lengths and all of them are compared, so the time it takes says nothing
    about a token.
    """
    matches = [token for token in tokens if hmac.compare_digest(sent, token.digest)]
    return matches[0] if matches else None


def _entry(name: str, entry: Any) -> list[Token]:
    where = f"BULLRUSH_TOKENS[{name!r}]"
    if not isinstance(entry, Mapping):
        raise InvalidOption(f"{where} is a dict with 'token' or 'sha256', and 'role'")
    unknown = set(entry) - {"token", "sha256", "role"}
    if unknown:
        raise InvalidOption(f"{where} has an unknown key: {', '.join(sorted(map(repr, unknown)))}")
    try:
        role = Role.named(entry.get("role"))
    except ValueError as error:
        raise InvalidOption(f"{where}['role']: {error}") from None
    plain = _texts(f"{where}['token']", entry.get("token"))
    hashed = _texts(f"{where}['sha256']", entry.get("sha256"))
    if not all(_SHA256.fullmatch(each) for each in hashed):
        raise InvalidOption(f"{where}['sha256'] is 64 hexadecimal digits")
    digests = [*map(_configured, plain), *map(bytes.fromhex, hashed)]
    if not digests:
        raise InvalidOption(f"{where} needs 'token' or 'sha256'")
    return [Token(name, role, digest) for digest in digests]


def _texts(where: str, value: Any) -> list[str]:
    texts = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)) or not all(isinstance(each, str) for each in texts):
        raise InvalidOption(f"{where} is text, or a list of texts")
    if not all(each.strip() for each in texts):
        raise InvalidOption(f"{where} is blank")
    return list(texts)


def _configured(token: str) -> bytes:
    return hashlib.sha256(token.strip().encode()).digest()
