"""Results from plain data, the opposite of `as_tuple`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _state
from .base import ResultBase

if TYPE_CHECKING:
    from ..app.base import Celery


def result_from_tuple(tree: Any, app: Celery | None = None) -> Any:
    """The result that `as_tuple` gave that data for.

    Args:
        tree: ``((id, parent), children)`` or ``(id, parent)``, where children of a group are a list
            of the same; lists are as good as tuples. A result is given back as it is.
        app: the application; the current one when not given.

    Raises:
        ValueError, TypeError: data of another shape.
    """
    if isinstance(tree, ResultBase):
        return tree
    owner, children = tree
    id, parent = owner if _is_tree(owner) else (owner, None)
    if parent:
        parent = result_from_tuple(parent if _is_tree(parent) else (parent, None), app)
    app = app or _state.find_current()
    if children is None:
        return app.AsyncResult(id, parent=parent or None)
    results = [result_from_tuple(each, app) for each in children]
    return app.GroupResult(id, results, parent=parent or None)


def _is_tree(data: Any) -> bool:
    return isinstance(data, (list, tuple))
