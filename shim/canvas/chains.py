"""Chains: steps of which each gets the result of the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .groups import group
from .several import Several
from .signatures import Signature, part_of


@Signature.register_type(name="chain")
class _chain(Several):
    """What `chain` gives. Attributes: tasks."""

    def __init__(self, *tasks: Any, **options: Any) -> None:
        if len(tasks) == 1 and isinstance(tasks[0], (list, tuple)):
            tasks = tuple(tasks[0])
        app = options.pop("app", None)
        steps = [_unrolled(part_of("a step of a chain", each, app)) for each in tasks]
        super().__init__(
            "celery.chain", (), {"tasks": steps}, app=app, subtask_type="chain", **options
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As `apply_async` with these arguments for the first step."""
        return self.apply_async(args, kwargs) if self.tasks else None

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        route_name: str | None = None,
        **options: Any,
    ) -> Any:
        """Have workers run it; the result is that of the last step. Of the options, task_id and
        link are for the last step, link_error for every step, the others for the first.
        """
        return super().apply_async(args, kwargs, route_name, **options) if self.tasks else None

    def freeze(
        self,
        _id: str | None = None,
        group_id: str | None = None,
        chord: Any = None,
        root_id: str | None = None,
        parent_id: str | None = None,
        group_index: int | None = None,
    ) -> Any:
        """Settle the ids of all steps; the result is that of the last, its `parent` leads back."""
        last, result = len(self.tasks) - 1, None
        for position, step in enumerate(self.tasks):
            place: dict[str, Any] = {"root_id": root_id, "parent_id": parent_id}
            if position == last:
                place.update(group_id=group_id, chord=chord, group_index=group_index)
                place["_id"] = self.options.get("task_id") or _id
            found = step.freeze(**place)
            if found is None:
                continue
            attach_parent(found, result)
            result, parent_id = found, found.id
            root_id = root_id or found.id
        if result is not None:
            self.options["task_id"] = result.id
        return result

    def unchain_tasks(self) -> list[Signature]:
        """Copies of the steps, with the links of the chain."""
        steps = [each.clone() for each in self.tasks]
        for errback in _listed(self.options.get("link_error")):
            for each in steps:
                each.link_error(errback)
        for callback in _listed(self.options.get("link")):
            steps[-1].link(callback)
        return steps

    def reprcall(self, *args: Any, **kwargs: Any) -> str:
        """The steps with `|` between them."""
        first = [self.tasks[0].reprcall(*args, **kwargs)] if self.tasks else ["<empty chain>"]
        return " | ".join([*first, *(each.reprcall() for each in self.tasks[1:])])


class chain(_chain):
    """Steps of which each gets the result of the one before as its first argument.

    ``chain(a, b, c)``, or a list or iterable of steps. Groups and chords between steps are joined
    by the rules of ``|``.
    """

    def __new__(cls, *tasks: Any, **options: Any) -> Any:
        if not options and tasks and (len(tasks) > 1 or _is_list(tasks[0])):
            found = tasks[0] if len(tasks) == 1 else tasks
            return Signature.join(each for each in found if not _is_nothing(each))
        return super().__new__(cls)


def attach_parent(result: Any, parent: Any) -> None:
    """Let a result lead back to that of the step before: the first one of it that has none."""
    if parent is None:
        return
    while getattr(result, "parent", None) is not None:
        if result.parent is parent:
            return
        result = result.parent
    result.parent = parent


def _unrolled(found: Any) -> Any:
    """A group of one is its member, in a chain."""
    return found.tasks[0] if isinstance(found, group) and len(found.tasks) == 1 else found


def _is_nothing(found: Any) -> bool:
    """A group without members is no step of a chain."""
    return isinstance(found, Signature) and found.kwargs.get("tasks") == []


def _is_list(value: Any) -> bool:
    return not isinstance(value, (dict, str, bytes)) and hasattr(value, "__iter__")


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else [value] if value else ()
