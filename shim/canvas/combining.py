"""What ``|`` makes of two signatures: Celery's upgrade rules."""

from __future__ import annotations

from typing import Any

from .chains import _chain
from .chords import _chord
from .groups import group
from .items import chunks
from .signatures import Signature


def combine(left: Any, right: Any) -> Any:
    """`left` and then `right`."""
    if isinstance(right, chunks):
        right = right.group()
    if not isinstance(right, Signature):
        return NotImplemented
    if isinstance(left, chunks):
        left = left.group()
    if isinstance(left, group):
        return _chord(left, right, app=left._app)
    if isinstance(left, _chord):
        return _after_chord(left, right)
    if isinstance(left, _chain):
        return _after_chain(left, right)
    right = _unrolled(right)
    steps = right.unchain_tasks() if isinstance(right, _chain) else [right]
    return _chain(left, *steps, app=left._app)


def _after_chord(left: _chord, right: Signature) -> Signature:
    found = left.clone()
    body = found.kwargs["body"]
    found.kwargs["body"] = right.clone() if body is None else body | right
    return found


def _after_chain(left: _chain, right: Signature) -> Signature:
    right = _unrolled(right)
    steps = right.unchain_tasks() if isinstance(right, _chain) else [right.clone()]
    if not left.tasks:
        return _chain(*steps, app=left._app)
    if not steps:
        return left.clone()
    before = left.unchain_tasks()
    last = before[-1]
    if isinstance(last, (group, _chord)):
        first, *rest = steps
        joined: Any = last | first
        for each in rest:
            joined = joined | each
        before[-1] = joined
        return before[0] if len(before) == 1 else _chain(*before, app=left._app)
    return _chain(*before, *steps, app=left._app)


def _unrolled(found: Signature) -> Signature:
    """A group of one is its member."""
    if isinstance(found, group) and len(found.tasks) == 1:
        return found.tasks[0]  # type: ignore[no-any-return]
    return found


Signature.combine = staticmethod(combine)
