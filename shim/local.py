"""What is current: the application, the task, the request."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from importlib import import_module
from typing import Any


class Proxy:
    """Stands for an object that is looked up at every use."""

    __slots__ = ("_Proxy__find", "__dict__", "__weakref__")

    def __init__(self, find: Callable[[], Any]) -> None:
        object.__setattr__(self, "_Proxy__find", find)

    def _get_current_object(self) -> Any:
        return object.__getattribute__(self, "_Proxy__find")()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._get_current_object(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._get_current_object(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._get_current_object(), name)

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

    def __dir__(self) -> list[str]:
        return dir(self._get_current_object())

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """For `isinstance`."""
        return type(self._get_current_object())

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return getattr(self._get_current_object(), "__doc__", None)

    @property
    def __module__(self) -> str:  # type: ignore[override]
        return str(getattr(self._get_current_object(), "__module__", __name__))

    def __reduce__(self) -> Any:
        return self._get_current_object().__reduce__()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._get_current_object().__reduce_ex__(protocol)


class PromiseProxy(Proxy):
    # Stands for an object that is made at its first use, and once. A docstring, and the name of
    # this module, would hide those of that object.
    __doc__ = vars(Proxy)["__doc__"]
    __module__ = vars(Proxy)["__module__"]
    __slots__ = ("_PromiseProxy__found",)

    def _get_current_object(self) -> Any:
        try:
            return object.__getattribute__(self, "_PromiseProxy__found")
        except AttributeError:
            found = object.__getattribute__(self, "_Proxy__find")()
            object.__setattr__(self, "_PromiseProxy__found", found)
            return found

    def __evaluated__(self) -> bool:
        """Whether it has been made."""
        try:
            object.__getattribute__(self, "_PromiseProxy__found")
        except AttributeError:
            return False
        return True


def maybe_evaluate(thing: Any) -> Any:
    """What a proxy stands for; anything else as it is."""
    return thing._get_current_object() if issubclass(type(thing), Proxy) else thing


#: (task, request) of every task that runs in this thread or coroutine, the innermost last.
running: ContextVar[tuple[tuple[Any, Any], ...]] = ContextVar("bullrush_running", default=())


def find_current_task() -> Any:
    """The task that runs here, or None."""
    stack = running.get()
    return stack[-1][0] if stack else None


def find_worker_task() -> Any:
    """The task that a worker has called here, whatever that task calls or applies; or None."""
    for task, request in running.get():
        if not (request.called_directly or request.is_eager):
            return task
    return None


#: The task that runs here, else something false.
current_task: Any = Proxy(find_current_task)


class class_property:
    """A property of a class, asked by the class or by an instance; with `setter` an instance sets
    it for its class.
    """

    def __init__(
        self, getter: Callable[[Any], Any], setter: Callable[[Any, Any], None] | None = None
    ) -> None:
        self._getter, self._setter = getter, setter
        self.__doc__ = getter.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self._getter(owner or type(instance))

    def __set__(self, instance: Any, value: Any) -> None:
        if self._setter is None:
            raise AttributeError(f"{self._getter.__name__} cannot be set")
        self._setter(type(instance), value)

    def setter(self, setter: Callable[[Any, Any], None]) -> class_property:
        """The same, which can be set."""
        return type(self)(self._getter, setter)


def try_import(module: str, default: Any = None) -> Any:
    """That module, or `default` when it is not installed."""
    try:
        return import_module(module)
    except ImportError:
        return default
