"""Groups: tasks that run beside each other."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..ids import uuid
from ..result import GroupResult
from .several import Several
from .signatures import Signature, maybe_signature, part_of


@Signature.register_type()
class group(Several):
    """Tasks that run beside each other; the result is a `GroupResult`.

    ``group(a, b)``, or an iterable of signatures. Groups inside are flattened. An iterator is read
    when its members are asked for, once.
    """

    #: An iterator that nobody has read yet.
    _unread: Iterator[Any] | None = None

    def __init__(self, *tasks: Any, **options: Any) -> None:
        found: Any = tasks
        if len(tasks) == 1:
            found = tasks[0]
            if isinstance(found, group):
                found = found.tasks
            elif isinstance(found, dict) or not isinstance(found, Iterable):
                found = [found]
        app = options.pop("app", None)
        members = (part_of("a member of a group", each, app) for each in found)
        lazy = isinstance(found, Iterator)
        super().__init__(
            "celery.group",
            (),
            {"tasks": [] if lazy else list(members)},
            app=app,
            subtask_type="group",
            **options,
        )
        self._unread = members if lazy else None

    def __getitem__(self, key: str) -> Any:
        if self._unread is not None and key == "kwargs":
            unread, self._unread = self._unread, None
            super().__getitem__("kwargs")["tasks"] = list(unread)
        return super().__getitem__(key)

    def clone(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **opts: Any,
    ) -> Signature:
        """A copy, with further arguments and options; without any an iterator stays unread."""
        if self._unread is None or args or kwargs or opts:
            return super().clone(args, kwargs, **opts)
        self._unread, other = itertools.tee(self._unread)
        found = group(app=self._app, **copy.deepcopy(self.options))
        found._unread = (each.clone() for each in other)
        return found

    def __eq__(self, other: object) -> bool:
        for each in (self, other):
            if isinstance(each, group):
                each["kwargs"]
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]  # as every dict

    def get(self, key: str, default: Any = None) -> Any:
        """One part of it."""
        return self["kwargs"] if key == "kwargs" else super().get(key, default)

    def items(self) -> Any:
        """Its parts, for whatever stores it."""
        self["kwargs"]
        return super().items()

    def values(self) -> Any:
        """See `items`."""
        self["kwargs"]
        return super().values()

    def __iter__(self) -> Iterator[Any]:
        return iter(dict(self))

    def __len__(self) -> int:
        return len(self.tasks)

    def __bool__(self) -> bool:
        return True

    def __call__(self, *partial_args: Any, **options: Any) -> Any:
        """As `apply_async` with these arguments for each member."""
        return self.apply_async(partial_args, **options)

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        route_name: str | None = None,
        **options: Any,
    ) -> Any:
        """Have workers run the members. The options are for each of them. The result of a single
        member that ends in a group is the result of that group, as in Celery.

        Raises:
            TypeError: `link` or `link_error`: a group has no end of its own.
        """
        if options.get("link") is not None:
            raise TypeError("Cannot add link to group: use a chord")
        if options.get("link_error") is not None:
            raise TypeError("Cannot add link to group: do that on individual tasks")
        result = super().apply_async(args, kwargs, route_name, **options)
        alone = len(result.results) == 1 and isinstance(result.results[0], GroupResult)
        return result.results[0] if alone and not self.app.conf.task_always_eager else result

    def freeze(
        self,
        _id: str | None = None,
        group_id: str | None = None,
        chord: Any = None,
        root_id: str | None = None,
        parent_id: str | None = None,
        group_index: int | None = None,
    ) -> Any:
        """Settle the ids of all members; the result is a `GroupResult`."""
        own = self.options.get("task_id") or _id or uuid()
        self.options["task_id"] = own
        results = []
        for position, each in enumerate(flattened(self.tasks)):
            results.append(
                each.freeze(
                    group_id=own,
                    chord=chord,
                    root_id=root_id,
                    parent_id=parent_id,
                    group_index=position,
                )
            )
        return GroupResult(own, results, app=self.app)

    _freeze = freeze

    def link(self, callback: Signature) -> Signature:
        """Put an immutable copy on the first member alone."""
        copy = callback.clone()
        copy.set_immutable(True)
        return self.tasks[0].link(copy)  # type: ignore[no-any-return]

    def link_error(self, errback: Any) -> Any:
        """Put a copy on each member."""
        for each in self.tasks:
            each.link_error(maybe_signature(errback).clone())
        return errback

    def set_immutable(self, immutable: bool) -> None:
        """Say of each member whether it takes no further arguments."""
        for each in self.tasks:
            each.set_immutable(immutable)

    def skew(self, start: float = 1.0, stop: float | None = None, step: float = 1.0) -> group:
        """Give the members countdowns from `start` on, `step` s apart; returns itself."""
        moments = itertools.count(start, step)
        for each in self.tasks:
            moment = next(moments)
            each.set(countdown=moment if stop is None else min(moment, stop))
        return self

    def reprcall(self, *args: Any, **kwargs: Any) -> str:
        """The members."""
        shown = ", ".join(each.reprcall(*args, **kwargs) for each in self.tasks)
        return f"group([{shown}])"


def flattened(tasks: Sequence[Any]) -> Iterator[Any]:
    """The members of a group, with those of groups among them; a chain of no steps is none."""
    for each in tasks:
        if isinstance(each, group):
            yield from flattened(each.tasks)
        elif each.subtask_type != "chain" or each.tasks:
            yield each
