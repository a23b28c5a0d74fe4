"""Workflows: signatures, and how they are put together (Celery's canvas)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .ready import (
        GroupStampingVisitor,
        NodeStep,
        Signature,
        StampingVisitor,
        _chain,
        _chord,
        chain,
        chord,
        chunks,
        group,
        maybe_signature,
        maybe_subtask,
        node,
        signature,
        subtask,
        xmap,
        xstarmap,
    )

__all__ = [
    "GroupStampingVisitor",
    "NodeStep",
    "Signature",
    "StampingVisitor",
    "_chain",
    "_chord",
    "chain",
    "chord",
    "chunks",
    "group",
    "maybe_signature",
    "maybe_subtask",
    "node",
    "signature",
    "subtask",
    "xmap",
    "xstarmap",
]


def __getattr__(name: str) -> Any:
    """The base class of tasks needs signatures alone, and sending them needs tasks: so the whole is
    loaded when it is asked for.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import_module("..app.base", __name__)  # which needs parts of it, and has to come first
    found = globals()[name] = getattr(import_module(".ready", __name__), name)
    return found
