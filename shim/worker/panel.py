"""The commands that a worker knows: Celery's and your own."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])


class ControllerInfo(NamedTuple):
    """What the command line needs to know of a command.

    Attributes:
        alias: another name.
        type: ``control`` or ``inspect``.
        visible: whether it is listed.
        default_timeout: s to wait for answers.
        help: one line.
        signature: its arguments in words.
        args: (name, type) of each argument.
        variadic: the name of the argument that takes all others.
    """

    alias: str | None
    type: str
    visible: bool
    default_timeout: float
    help: str | None
    signature: str | None
    args: Sequence[tuple[str, Callable[[str], Any]]] | None
    variadic: str | None


class Panel(UserDict[str, Callable[..., Any]]):
    """Name -> function of every command, for all workers of this process.

    Attributes:
        data: the functions. Each gets the worker (see `Remote`) and keyword arguments, and returns
            a JSON value.
        meta: what the command line needs to know of each.
    """

    data: ClassVar[dict[str, Callable[..., Any]]] = {}  # type: ignore[misc]
    meta: ClassVar[dict[str, ControllerInfo]] = {}

    @classmethod
    def register(cls, *args: Any, **kwargs: Any) -> Any:
        """As `control_command`."""
        return control_command(*args, **kwargs)


@overload
def control_command(function: F, /, **options: Any) -> F: ...
@overload
def control_command(**options: Any) -> Callable[[F], F]: ...
def control_command(*args: Any, **kwargs: Any) -> Any:
    """Make a function a command that changes something, ``@control_command`` or:

        @control_command(args=[("n", int)], signature="[N=1]")
        def grow(state, n=1):
            state.consumer.pool.resize(...)
            return {"ok": "grown"}

    Args:
        name, alias: its names; the function's own by default.
        args: (name, type) of each argument, for the command line.
        signature, help: for the command line.
        default_timeout: s to wait for answers.
        visible: whether it is listed.
        variadic: the argument that takes all others.
    """
    return _command("control", *args, **kwargs)


@overload
def inspect_command(function: F, /, **options: Any) -> F: ...
@overload
def inspect_command(**options: Any) -> Callable[[F], F]: ...
def inspect_command(*args: Any, **kwargs: Any) -> Any:
    """As `control_command`, for a command that only looks."""
    return _command("inspect", *args, **kwargs)


def _command(kind: str, *args: Any, **kwargs: Any) -> Any:
    if args:
        return _register(args[0], kind, **kwargs)
    return lambda function: _register(function, kind, **kwargs)


def _register(
    function: Callable[..., Any],
    type: str,
    name: str | None = None,
    alias: str | None = None,
    visible: bool = True,
    default_timeout: float = 1.0,
    help: str | None = None,
    signature: str | None = None,
    args: Sequence[tuple[str, Callable[[str], Any]]] | None = None,
    variadic: str | None = None,
) -> Callable[..., Any]:
    if help is None:
        help = (function.__doc__ or "").strip().split("\n")[0]
    info = ControllerInfo(alias, type, visible, default_timeout, help, signature, args, variadic)
    for each in filter(None, (name or function.__name__, alias)):
        Panel.data[each] = function
    Panel.meta[name or function.__name__] = info
    return function
