"""Testing without waiting: a clock that a test moves, against the real scripts and workers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .clock import VirtualClock
    from .spans import seconds_of

#: Public name -> the module that has it, loaded when the name is first asked for: every run of
#: pytest imports this package.
_HOMES = {"VirtualClock": ".clock", "seconds_of": ".spans"}

__all__ = ["VirtualClock", "seconds_of"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_HOMES[name], __package__), name)
    globals()[name] = found
    return found
