"""Everything of a canvas: whoever imports this has all kinds of signatures, and they can be
sent.
"""

from __future__ import annotations

from . import builtin_tasks, combining, eager, replacing, stamping
from .chains import _chain, chain
from .chords import _chord, chord
from .groups import group
from .items import chunks, xmap, xstarmap
from .nodes import NodeStep, node
from .planting import launch
from .signatures import Signature, maybe_signature, maybe_subtask, signature, subtask
from .stamping import GroupStampingVisitor, StampingVisitor

__all__ = [
    "GroupStampingVisitor",
    "NodeStep",
    "Signature",
    "StampingVisitor",
    "_chain",
    "_chord",
    "builtin_tasks",
    "chain",
    "chord",
    "chunks",
    "combining",
    "eager",
    "group",
    "launch",
    "maybe_signature",
    "maybe_subtask",
    "node",
    "replacing",
    "signature",
    "stamping",
    "subtask",
    "xmap",
    "xstarmap",
]
