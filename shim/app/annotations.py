"""Changing tasks from the settings (``task_annotations``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bullrush.exceptions import ImproperlyConfigured

from .importing import imported

if TYPE_CHECKING:
    from .task import Task


def annotate(task: Task, annotations: Any) -> None:
    """Set on the class of a task what the annotations say of its name, then what they say of all.

    Args:
        annotations: a mapping of names, and ``"*"``, to attributes; an object with
            ``annotate(task)``; a dotted path of one of these; or a list of them. An attribute
            ``"@name"`` is a function that wraps that method.

    Raises:
        ImproperlyConfigured: an annotation of another kind.
    """
    kind: Any = type(task)
    for attributes in [*_found(annotations, task, _of_name), *_found(annotations, task, _of_all)]:
        for name, value in attributes.items():
            if name.startswith("@"):
                _wrap(task, name[1:], value)
            else:
                setattr(kind, name, value)
                task.__dict__.pop(name, None)


def _found(
    annotations: Any, task: Task, ask: Callable[[Any, Task], Any]
) -> Iterator[Mapping[str, Any]]:
    for each in annotations if isinstance(annotations, (list, tuple)) else (annotations,):
        each = imported(each) if isinstance(each, str) else each
        each = each() if isinstance(each, type) else each
        found = ask(each, task)
        if found:
            yield found


def _of_name(annotation: Any, task: Task) -> Any:
    if isinstance(annotation, Mapping):
        return annotation.get(task.name)
    if not hasattr(annotation, "annotate"):
        raise ImproperlyConfigured(
            f"task_annotations holds {annotation!r}, which is no mapping and has no annotate()"
        )
    return annotation.annotate(task)


def _of_all(annotation: Any, task: Task) -> Any:
    if isinstance(annotation, Mapping):
        return annotation.get("*")
    for_all = getattr(annotation, "annotate_any", None)
    return for_all() if for_all is not None else None


def _wrap(task: Task, name: str, wrapper: Callable[[Any], Any]) -> None:
    wrapped = wrapper(getattr(task, name))
    if name == "__call__":  # Python looks for it on the class alone
        kind: Any = type(task)
        kind.__call__ = lambda self, *args, **kwargs: wrapped(*args, **kwargs)
    else:
        setattr(task, name, wrapped)
