"""Which release of this library it is."""

from __future__ import annotations

from functools import cache
from importlib import import_module


@cache
def release() -> str:
    """Such as ``0.1.0``; ``0`` in a source tree that was never installed."""
    metadata = import_module("importlib.metadata")  # slow to import, and seldom asked
    try:
        return str(metadata.version("bullrush"))
    except metadata.PackageNotFoundError:
        return "0"
