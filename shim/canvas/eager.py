"""Workflows run here and now (``apply``, ``task_always_eager``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import states
from ..exceptions import ImproperlyConfigured
from ..ids import uuid
from ..result import GroupResult
from .chains import _chain, attach_parent
from .chords import _chord
from .groups import flattened, group
from .items import chunks
from .nodes import NodeStep
from .signatures import Signature, maybe_signature


def run_here(
    found: Any, args: tuple[Any, ...], kwargs: dict[str, Any], options: Mapping[str, Any]
) -> Any:
    """Run a signature of any kind without a worker; the result has the value already."""
    if isinstance(found, _chain):
        return _run_chain(found, args, kwargs, options)
    if isinstance(found, chunks):
        found = found.group()
    if isinstance(found, group):
        results = [
            maybe_signature(each, app=found._app, clone=True).apply(args, kwargs, **options)
            for each in flattened(found.tasks)
        ]
        return GroupResult(uuid(), results, app=found.app)
    if isinstance(found, _chord):
        above = found.header.apply(args, kwargs)
        values = above.get(disable_sync_subtasks=False)
        result = found.body.apply((values,), **options)
        attach_parent(result, above)
        return result
    if isinstance(found, NodeStep):
        raise ImproperlyConfigured(
            f"node({found.options['queue']!r}, {found.task!r}) cannot run here and now: its code "
            "is in Node"
        )
    return _run_task(found, args, kwargs, options)


def _run_task(
    found: Signature, args: tuple[Any, ...], kwargs: dict[str, Any], options: Mapping[str, Any]
) -> Any:
    given, named, merged = found._merge(args, kwargs, options)
    return found.type.apply(given, named, **merged)


def _run_chain(
    found: _chain, args: tuple[Any, ...], kwargs: dict[str, Any], options: Mapping[str, Any]
) -> Any:
    result: Any = None
    given = args
    steps = list(found.tasks)
    for position, step in enumerate(steps):
        if isinstance(step, group) and not step.tasks:
            continue
        following = steps[position + 1 :]
        if isinstance(step, group) and len(step.tasks) == 1:
            step = step.tasks[0]
        if result is not None:
            given, kwargs = (result.get(disable_sync_subtasks=False),), {}
        own = options if not following else {}
        after = step.apply(given, kwargs, **own)
        attach_parent(after, result)
        result = after
        if getattr(result, "state", None) in (states.IGNORED, states.REJECTED):
            break
    return result


Signature.run_here = staticmethod(run_here)
