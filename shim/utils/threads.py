"""A stack that each thread, and each coroutine, has of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any


class LocalStack:
    """What was put on it here and not elsewhere; `top` is what was put last."""

    def __init__(self) -> None:
        self._items: ContextVar[tuple[Any, ...]] = ContextVar("bullrush_stack", default=())

    def push(self, item: Any) -> None:
        """Put one more on it."""
        self._items.set((*self._items.get(), item))

    def pop(self) -> Any:
        """Take the last one off; None when nothing is there."""
        *rest, last = self._items.get() or (None,)
        self._items.set(tuple(rest))
        return last

    @property
    def top(self) -> Any:
        """The last one; None when nothing is there."""
        return self._items.get()[-1] if self._items.get() else None

    @property
    def stack(self) -> list[Any]:
        """All of them, the last one last."""
        return list(self._items.get())

    def __len__(self) -> int:
        return len(self._items.get())

    def __iter__(self) -> Iterator[Any]:
        return iter(self.stack)
