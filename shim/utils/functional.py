"""Lists, laziness and small caches, under Celery's names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from kombu.utils import functional as _kombu

__all__ = [
    "LRUCache",
    "chunks",
    "dictfilter",
    "first",
    "firstmethod",
    "is_list",
    "lazy",
    "mattrgetter",
    "maybe_evaluate",
    "maybe_list",
    "memoize",
    "mlazy",
    "noop",
    "padlist",
    "pass1",
    "uniq",
]

T = TypeVar("T")

LRUCache, dictfilter, is_list = _kombu.LRUCache, _kombu.dictfilter, _kombu.is_list
lazy, maybe_list, memoize = _kombu.lazy, _kombu.maybe_list, _kombu.memoize
maybe_evaluate: Callable[[Any], Any] = _kombu.maybe_evaluate

#: A `lazy` value is computed once and kept.
mlazy = lazy


def noop(*args: Any, **kwargs: Any) -> None:
    """Nothing."""


def pass1(arg: T, *args: Any, **kwargs: Any) -> T:
    """The first argument."""
    return arg


def first(predicate: Callable[[T], Any] | None, items: Iterable[T]) -> T | None:
    """The first that fits, or that is not None; else None."""
    fits = predicate or (lambda item: item is not None)
    return next((item for item in items if fits(item)), None)


def firstmethod(method: str, on_call: Any = None) -> Callable[..., Any]:
    """A function that asks one object after the other and gives the first answer that is one."""

    def ask(objects: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        answers = (getattr(maybe_evaluate(each), method)(*args, **kwargs) for each in objects)
        return next((answer for answer in answers if answer is not None), None)

    return ask


def chunks(items: Iterable[T], n: int) -> Iterator[list[T]]:
    """Lists of `n` items; the last is what remains."""
    rest = iter(items)
    while part := list(islice(rest, n)):
        yield part


def padlist(items: Iterable[Any], size: int, default: Any = None) -> list[Any]:
    """The first `size` items, filled up."""
    found = list(islice(items, size))
    return found + [default] * (size - len(found))


def mattrgetter(*names: str) -> Callable[[Any], dict[str, Any]]:
    """A function that gives these attributes as a mapping, None for one that is missing."""
    return lambda obj: {name: getattr(obj, name, None) for name in names}


def uniq(items: Iterable[T]) -> Iterator[T]:
    """Each item once, in order."""
    return iter(dict.fromkeys(items))
