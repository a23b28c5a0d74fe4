"""One task over many items: `xmap`, `xstarmap` and `chunks`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .groups import group
from .signatures import Signature


class _basemap(Signature):
    _task_name = ""
    _shown = ""

    def __init__(self, task: Any, it: Iterable[Any], app: Any = None, **options: Any) -> None:
        inner = task if isinstance(task, Signature) else Signature(task, app=app)
        super().__init__(
            self._task_name,
            (),
            {"task": inner, "it": list(it)},
            app=app or inner._app or (inner._type.app if inner._type is not None else None),
            subtask_type=type(self).__name__,
            immutable=True,
            **options,
        )

    def reprcall(self, *args: Any, **kwargs: Any) -> str:
        """What it does, as Python writes it."""
        name = self.kwargs["task"]["task"]
        return self._shown.format(name=name, items=_shortened(self.kwargs["it"]))


@Signature.register_type()
class xmap(_basemap):
    """A task that calls another for each item, in one run; the result is the list."""

    _task_name = "celery.map"
    _shown = "[{name}(x) for x in {items}]"


@Signature.register_type()
class xstarmap(_basemap):
    """As `xmap`; each item is the list of arguments."""

    _task_name = "celery.starmap"
    _shown = "[{name}(*x) for x in {items}]"


@Signature.register_type()
class chunks(Signature):
    """Calls for many items, `n` in each task; the result is a list of lists."""

    def __init__(
        self, task: Any, it: Iterable[Any], n: int, app: Any = None, **options: Any
    ) -> None:
        inner = task if isinstance(task, Signature) else Signature(task, app=app)
        super().__init__(
            "celery.chunks",
            (),
            {"task": inner, "it": list(it), "n": n},
            app=app or inner._app or (inner._type.app if inner._type is not None else None),
            subtask_type="chunks",
            immutable=True,
            **options,
        )

    def __call__(self, **options: Any) -> Any:
        """As `apply_async`."""
        return self.apply_async(**options)

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        route_name: str | None = None,
        **options: Any,
    ) -> Any:
        """Have workers run the parts beside each other. The options are for each."""
        return self.group().apply_async(args, kwargs, **options)

    def group(self) -> group:
        """The same as a group of `xstarmap`."""
        task, n = self.kwargs["task"], self.kwargs["n"]
        items = iter(self.kwargs["it"])
        parts = iter(lambda: list(itertools.islice(items, n)), [])
        return group((xstarmap(task, part, app=self._app) for part in parts), app=self._app)

    @classmethod
    def apply_chunks(cls, task: Any, it: Iterable[Any], n: int, app: Any = None) -> Any:
        """The group, sent."""
        return cls(task, it, n, app=app)()


def _shortened(items: Sequence[Any]) -> str:
    shown = repr(items)
    return shown if len(shown) <= 100 else f"{shown[:97]}..."
