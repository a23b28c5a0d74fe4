"""What ``|`` makes of two signatures: Celery's upgrade rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .chains import _chain
from .chords import _chord
from .groups import group
from .items import chunks
from .signatures import Signature, part_of


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
    found.kwargs["body"] = right.clone() if body is None else body | _unrolled(right)
    return found


def _after_chain(left: _chain, right: Signature) -> Signature:
    steps: list[Any] = left.unchain_tasks()
    before = len(steps)
    _append(steps, right)
    if before and len(steps) == 1:
        return steps[0]  # type: ignore[no-any-return]
    return _chain(*steps, app=left._app)


def join(found: Iterable[Any]) -> Signature:
    """All of them with ``|`` between them; for a long chain, in no more time than it has steps."""
    steps: list[Any] = []
    several = False
    for each in found:
        step = part_of("a step of a chain", each, clone=False)
        several = several or bool(steps)
        if len(steps) == 1 and isinstance(steps[0], (group, _chord)):
            # Behind a group that nothing is before, a group of one stays what it is.
            steps[0] = steps[0] | step
        else:
            _append(steps, step)
    if several and len(steps) == 1 and isinstance(steps[0], _chord):
        return steps[0]
    return _chain(*steps)


def _append(steps: list[Any], right: Any) -> None:
    if isinstance(right, chunks):
        right = right.group()
    right = _unrolled(right)
    for each in right.unchain_tasks() if isinstance(right, _chain) else [right]:
        if steps and isinstance(steps[-1], (group, _chord)):
            steps[-1] = steps[-1] | each
        else:
            steps.append(each)


def _unrolled(found: Signature) -> Signature:
    """A group of one is its member."""
    if isinstance(found, group) and len(found.tasks) == 1:
        return found.tasks[0]  # type: ignore[no-any-return]
    return found


Signature.combine = staticmethod(combine)
Signature.join = staticmethod(join)
