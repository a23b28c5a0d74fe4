"""A bounded `repr`, for logs and events."""

from __future__ import annotations

import reprlib
from typing import Any

_CUT = "..."
_PLAIN = (int, float, bool, type(None))


class _Bounded(reprlib.Repr):
    """Looks at no more of a container than may be shown."""

    def __init__(self, most: int, levels: int) -> None:
        super().__init__()
        self.maxlevel = levels
        self.maxtuple = self.maxlist = self.maxarray = self.maxdict = most
        self.maxset = self.maxfrozenset = self.maxdeque = most
        self.maxstring = self.maxlong = self.maxother = most

    def repr_str(self, value: str, level: int) -> str:
        """A long text is cut at its end, not in its middle."""
        return repr(value) if len(value) <= self.maxstring else _cut(value, self.maxstring)

    def repr_bytes(self, value: bytes, level: int) -> str:
        """As a text."""
        return repr(value) if len(value) <= self.maxstring else _cut(value, self.maxstring)

    def repr_instance(self, value: Any, level: int) -> str:
        """An object that cannot say what it is must not spoil a log line."""
        try:
            return repr(value)
        except Exception as error:
            return f"<{type(value).__name__}: its repr raised {type(error).__name__}>"


def saferepr(value: Any, maxlen: int | None = None, maxlevels: int | None = 3) -> str:
    """The `repr` of anything, of at most about `maxlen` characters; never raises.

    Args:
        maxlen: None for no bound.
        maxlevels: how deep to look into containers; None for no bound.
    """
    if isinstance(value, _PLAIN):
        return repr(value)
    most = 10**9 if maxlen is None else maxlen
    levels = 100 if maxlevels is None else maxlevels
    try:
        text = _Bounded(most, levels).repr(value)
    except Exception as error:
        return f"<{type(value).__name__}: its repr raised {type(error).__name__}>"
    if isinstance(value, (str, bytes)) or len(text) <= most:
        return text
    return text[:most] + _CUT


def _cut(value: str | bytes, most: int) -> str:
    shown = repr(value[:most])
    return f"{shown[:-1]}{_CUT}{shown[-1]}"
