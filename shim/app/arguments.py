"""The arguments of a call, checked against a function before anything is sent."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def checker_of(run: Callable[..., Any]) -> Callable[..., Any] | None:
    """A function that takes what `run` takes and does nothing, so that Python itself says what is
    wrong with a call, in its own words and in no time; None when nothing can be known.
    """
    function: Any = inspect.unwrap(run)
    bound = inspect.ismethod(function)
    function = function.__func__ if bound else function
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None  # a function written in C tells nothing of its arguments
    plain = [
        each.replace(annotation=each.empty, default=each.empty if each.default is each.empty else 0)
        for each in signature.parameters.values()
    ]
    name = function.__name__ if str(function.__name__).isidentifier() else "task"
    names: dict[str, Any] = {}
    header = signature.replace(parameters=plain, return_annotation=signature.empty)
    exec(f"def {name}{header}: pass", names)
    check: Callable[..., Any] = names[name]
    return check.__get__(object()) if bound else check


def checked_args(args: Any) -> tuple[Any, ...]:
    """Positional arguments of a call.

    Raises:
        TypeError: neither a list nor a tuple.
    """
    if args is None:
        return ()
    if not isinstance(args, (list, tuple)):
        raise TypeError(f"task args must be a list or tuple, not {type(args).__name__}")
    return tuple(args)


def checked_kwargs(kwargs: Any) -> dict[str, Any]:
    """Keyword arguments of a call.

    Raises:
        TypeError: no mapping.
    """
    if kwargs is None:
        return {}
    if not isinstance(kwargs, Mapping):
        raise TypeError(f"task keyword arguments must be a mapping, not {type(kwargs).__name__}")
    return dict(kwargs)


def merged(
    run: Callable[..., Any],
    before: tuple[Sequence[Any], Mapping[str, Any]],
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a retry: new ones take the place of old ones, and what is given by position
    is not given by name as well.

    Args:
        before: those of this run.
        args, kwargs: the new ones; None keeps the old.

    Raises:
        TypeError: of a wrong kind.
    """
    positional = list(before[0] if args is None else checked_args(args))
    named = dict(before[1] if kwargs is None else checked_kwargs(kwargs))
    for place, name in enumerate(_positional_names(run)[: len(positional)]):
        if name in named:
            value = named.pop(name)
            if kwargs is not None:
                positional[place] = value
    return tuple(positional), named


def _positional_names(run: Callable[..., Any]) -> list[str]:
    try:
        parameters = inspect.signature(run).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
    return [each.name for each in parameters if each.kind in kinds]
