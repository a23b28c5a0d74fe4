"""Settings in words, without their secrets."""

from __future__ import annotations

import pprint
import re
from collections.abc import Mapping
from typing import Any

from bullrush.core.drivers import redacted

_STARS = "********"
_SECRET = re.compile(r"(^|_)(api|token|key|secret|pass|password|passwd|signature|credential)", re.I)
_URL = re.compile(r"^[a-z0-9+.-]+://", re.I)


def censored(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same with stars for passwords and keys, those in URLs as well."""
    return {name: _shown(name, value) for name, value in settings.items()}


def humanized(settings: Mapping[str, Any], hide: bool) -> str:
    """One setting a line."""
    shown = censored(settings) if hide else dict(settings)
    return "\n".join(f"{name}: {pprint.pformat(value)}" for name, value in shown.items())


def _shown(name: str, value: Any) -> Any:
    if value is None or isinstance(value, (bool, int)):
        return value
    if _SECRET.search(name) and not name.endswith("routing_key"):
        return _STARS
    if isinstance(value, str) and _URL.match(value):
        return ";".join(redacted(each) for each in value.split(";"))
    if isinstance(value, Mapping):
        return {key: _shown(str(key), each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return (
            type(value)(_shown(name, each) for each in value)
            if type(value) in (list, tuple)
            else value
        )
    return value
