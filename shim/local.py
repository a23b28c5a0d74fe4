"""What is current: the application, the task, the request."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any


class Proxy:
    """Stands for an object that is looked up at every use."""

    __slots__ = ("_Proxy__find", "__dict__")

    def __init__(self, find: Callable[[], Any]) -> None:
        object.__setattr__(self, "_Proxy__find", find)

    def _get_current_object(self) -> Any:
        return object.__getattribute__(self, "_Proxy__find")()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._get_current_object(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._get_current_object(), name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._get_current_object()(*args, **kwargs)

    def __repr__(self) -> str:
        return repr(self._get_current_object())

    def __bool__(self) -> bool:
        return bool(self._get_current_object())

    def __eq__(self, other: object) -> bool:
        return bool(self._get_current_object() == other)

    def __hash__(self) -> int:
        return hash(self._get_current_object())


#: (task, request) of every task that runs in this thread or coroutine, the innermost last.
running: ContextVar[tuple[tuple[Any, Any], ...]] = ContextVar("bullrush_running", default=())


def _current_task() -> Any:
    stack = running.get()
    return stack[-1][0] if stack else None


#: The task that runs here, else something false.
current_task: Any = Proxy(_current_task)
