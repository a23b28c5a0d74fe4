"""What an application says about access in ``app.config``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bullrush.core.errors import InvalidOption

from .redaction import DEFAULT_NAMES, Redaction
from .tokens import Token, admin_tokens, named_tokens
from .web_tokens import WebTokenRules, web_token_rules

#: The keys of ``app.config`` that are read here.
POLICY_KEYS = (
    "BULLRUSH_ADMIN_TOKEN",
    "BULLRUSH_TOKENS",
    "BULLRUSH_JWT",
    "BULLRUSH_REDACT",
    "BULLRUSH_UI_INSECURE",
    "BULLRUSH_SESSION_LIFETIME",
    "BULLRUSH_COOKIE_SECURE",
    "BULLRUSH_MAX_BODY",
)


@dataclass(frozen=True)
class Policy:
    """Who is let in, and what is shown to them. It holds digests and rules, no tokens.

    Attributes:
        tokens: static tokens.
        web_tokens: which JWT are believed.
        redaction: which fields are hidden.
        insecure: everybody is an admin, when there is no other way in.
        session_lifetime: s that a login lasts.
        cookie_secure: whether cookies travel by https alone; None asks the request.
        max_body: bytes that a request may have.
    """

    tokens: tuple[Token, ...] = ()
    web_tokens: WebTokenRules | None = field(default=None, repr=False)
    redaction: Redaction = field(default_factory=Redaction)
    insecure: bool = False
    session_lifetime: int = 8 * 3600
    cookie_secure: bool | None = None
    max_body: int = 1 << 20


def policy_of(config: Mapping[str, Any]) -> Policy:
    """The policy in the keys of `POLICY_KEYS`; the environment fills in what is left open.

    Raises:
        InvalidOption: a value of the wrong kind.
    """
    rules = _json("BULLRUSH_JWT", config)
    return Policy(
        tokens=(*admin_tokens(_admin(config)), *named_tokens(_json("BULLRUSH_TOKENS", config))),
        web_tokens=web_token_rules(rules) if rules else None,
        redaction=_redaction(config.get("BULLRUSH_REDACT")),
        insecure=_insecure(config),
        session_lifetime=_count("BULLRUSH_SESSION_LIFETIME", config, 8 * 3600),
        cookie_secure=_choice("BULLRUSH_COOKIE_SECURE", config.get("BULLRUSH_COOKIE_SECURE")),
        max_body=_count("BULLRUSH_MAX_BODY", config, 1 << 20),
    )


def _admin(config: Mapping[str, Any]) -> list[str]:
    """One token or several, so that a new one can be given out before the old one is taken back."""
    value = config.get("BULLRUSH_ADMIN_TOKEN")
    if value is None:
        return [os.environ.get("BULLRUSH_ADMIN_TOKEN", "")]
    tokens = [value] if isinstance(value, str) else value
    if not isinstance(tokens, (list, tuple)) or not all(isinstance(each, str) for each in tokens):
        raise InvalidOption("BULLRUSH_ADMIN_TOKEN is text, or a list of texts")
    return list(tokens)


def _json(key: str, config: Mapping[str, Any]) -> Mapping[str, Any]:
    """A dict; in the environment its JSON."""
    value = config.get(key)
    if value is None and os.environ.get(key):
        try:
            value = json.loads(os.environ[key])
        except ValueError:
            raise InvalidOption(f"{key} in the environment is no JSON") from None
    if value is not None and not isinstance(value, Mapping):
        raise InvalidOption(f"{key} is a dict, not {type(value).__name__}")
    return value or {}


def _redaction(value: Any) -> Redaction:
    if value is None or value is True:
        return Redaction()
    if value is False:
        return Redaction(())
    if not isinstance(value, (list, tuple, set, frozenset)) or not all(
        isinstance(each, str) and each.strip(" .") for each in value
    ):
        raise InvalidOption("BULLRUSH_REDACT is a list of names and paths, or False for none")
    return Redaction((*DEFAULT_NAMES, *value))


def _insecure(config: Mapping[str, Any]) -> bool:
    value = config.get("BULLRUSH_UI_INSECURE")
    if value is None:
        return os.environ.get("BULLRUSH_UI_INSECURE", "") == "1"
    if value in (True, "1", 1):
        return True
    if value in (False, "0", 0, ""):
        return False
    raise InvalidOption(f"BULLRUSH_UI_INSECURE is 1 or 0, not {value!r}")


def _count(key: str, config: Mapping[str, Any], default: int) -> int:
    value = config.get(key)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidOption(f"{key} is a whole number above 0")
    return value


def _choice(key: str, value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise InvalidOption(f"{key} is True or False, or None to go by the request")
    return value
