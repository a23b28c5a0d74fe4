"""Where the keys for JSON Web Tokens come from: the settings, a file, an address."""

from __future__ import annotations

import json
import logging
import math
import os
import ssl
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from bullrush.core.errors import InvalidOption

if TYPE_CHECKING:
    from .web_tokens import WebTokenRules

logger = logging.getLogger(__name__)

#: Bytes that the secret of HS256 has at least; with fewer it can be guessed from one token.
SHORTEST_SECRET = 32
#: s between two questions to an address for a key that it did not have, or when it did not answer.
PAUSE = 30.0
#: Ids and keys.
Keys: TypeAlias = "list[tuple[str | None, Any]]"


class KeysByFile:
    """Keys in the settings, or in a file that is read again when it changes.

    Args:
        rules: see `WebTokenRules`.

    Raises:
        InvalidOption: a key cannot be read, or is of the wrong kind, or too short.
    """

    def __init__(self, rules: WebTokenRules) -> None:
        self._rules = rules
        self._guard = threading.Lock()
        self._stamp: tuple[int, ...] | None = None
        self._keys: Keys = []
        self._refresh()

    def current(self, wanted: str | None) -> Keys:
        """The keys of now."""
        try:
            self._refresh()
        except InvalidOption as error:  # a file that is being replaced: the keys so far hold
            logger.warning("the keys for JWT are those of before: %s", error)
        return self._keys

    def _refresh(self) -> None:
        rules = self._rules
        path = rules.key_file or rules.jwks_file
        with self._guard:
            stamp = _stamp(path)
            if self._keys and stamp == self._stamp:
                return
            if rules.jwks_file:
                keys = _key_set(_read(rules.jwks_file), rules)
            else:
                texts = [_read(path)] if path else [key.get_secret_value() for key in rules.key]
                keys = [(None, _prepared(text.strip(), rules.kind)) for text in texts]
            self._keys, self._stamp = keys, stamp


class KeysByUrl:
    """Keys of a JSON Web Key Set at an https address. Nothing is asked before the first token.

    They are believed for their lifetime, and asked for again after half of it, so that an address
    that is away for a moment locks nobody out. After that there are no keys, and no token is
    believed. Tokens with keys that nobody knows, and an address that does not answer, cost one
    question in `PAUSE` s, whoever sends how many.

    Args:
        rules: see `WebTokenRules`.
        clock: s.

    Raises:
        InvalidOption: the certificates cannot be read.
    """

    def __init__(self, rules: WebTokenRules, clock: Callable[[], float] = time.monotonic) -> None:
        import jwt  # noqa: PLC0415 - an optional extra

        self._rules = rules
        self._clock = clock
        self._guard = threading.Lock()
        self._keys: Keys = []
        self._since = self._asked = -math.inf
        self._client = jwt.PyJWKClient(
            str(rules.jwks_url),
            cache_jwk_set=False,
            timeout=rules.jwks_timeout,
            ssl_context=_context(rules.jwks_ca_file),
        )

    def current(self, wanted: str | None) -> Keys:
        """The keys of now; none when the address does not tell.

        Args:
            wanted: the id of the key that is looked for.
        """
        if self._is_due(wanted):
            # Whoever has keys that hold does not wait for somebody else's question.
            with_keys = bool(self._valid())
            if self._guard.acquire(blocking=not with_keys):
                try:
                    if self._is_due(wanted):
                        self._ask()
                finally:
                    self._guard.release()
        return self._valid()

    def _valid(self) -> Keys:
        return self._keys if self._clock() < self._since + self._rules.jwks_lifetime else []

    def _is_due(self, wanted: str | None) -> bool:
        now = self._clock()
        pause = min(PAUSE, self._rules.jwks_lifetime / 4)
        if now < self._asked + pause:
            return False
        if now >= self._since + self._rules.jwks_lifetime / 2:
            return True
        return wanted is not None and all(kid not in (None, wanted) for kid, _ in self._keys)

    def _ask(self) -> None:
        import jwt  # noqa: PLC0415 - an optional extra

        try:
            keys = _key_set(json.dumps(self._client.fetch_data()), self._rules)
        except (jwt.PyJWTError, OSError, ValueError, HTTPException, InvalidOption) as error:
            address = str(self._rules.jwks_url).partition("?")[0]
            logger.warning("no keys for JWT from %s: %s", address, error)
        else:
            self._keys, self._since = keys, self._clock()
        finally:
            self._asked = self._clock()


def _context(path: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidOption(f"BULLRUSH_JWT: {path!r} cannot be read: {reason}") from None


def _prepared(text: str, kind: str) -> Any:
    """The key as PyJWT takes it.

    A public key as a secret would let everybody sign who has seen it.
    """
    is_pem = "-----BEGIN" in text
    if kind == "secret":
        if is_pem:
            raise InvalidOption("BULLRUSH_JWT: HS algorithms take a secret, not a key in PEM")
        return _long_enough(text.encode())
    if not is_pem or "PRIVATE KEY" in text:
        raise InvalidOption("BULLRUSH_JWT: these algorithms take a public key in PEM")
    return text


def _long_enough(secret: bytes) -> bytes:
    if len(secret) < SHORTEST_SECRET:
        raise InvalidOption(f"BULLRUSH_JWT: a secret has {SHORTEST_SECRET} bytes at least")
    return secret


def _key_set(text: str, rules: WebTokenRules) -> list[tuple[str | None, Any]]:
    import jwt  # noqa: PLC0415 - an optional extra

    wanted = "oct" if rules.kind == "secret" else rules.kind
    try:
        entries = json.loads(text)["keys"]
        fitting = [
            entry
            for entry in entries
            if entry.get("kty") == wanted
            and entry.get("use", "sig") == "sig"
            and entry.get("alg", rules.algorithms[0]) in rules.algorithms
        ]
        algorithm = rules.algorithms[0]
        keys = [(e.get("kid"), jwt.PyJWK(e, e.get("alg", algorithm)).key) for e in fitting]
    except (ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError) as error:
        raise InvalidOption(f"BULLRUSH_JWT: no JSON Web Key Set ({type(error).__name__})") from None
    if rules.kind == "secret":
        keys = [(kid, _long_enough(key)) for kid, key in keys]
    if not keys:
        raise InvalidOption(f"BULLRUSH_JWT: the key set has no key for {rules.algorithms}")
    return keys


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InvalidOption(f"BULLRUSH_JWT: {path!r} cannot be read: {reason}") from None


def _stamp(path: str | None) -> tuple[int, ...] | None:
    if path is None:
        return None
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return (status.st_mtime_ns, status.st_size, status.st_ino)
