"""Exceptions that cannot travel, and a few conversions, under Celery's names."""

from __future__ import annotations

import base64
import datetime
import pickle
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any, NoReturn

_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})
_FALSE = frozenset({"0", "false", "no", "off", "n", "f", ""})


def strtobool(term: str | bool, table: dict[str, bool] | None = None) -> bool:
    """``"yes"``, ``"on"``, ``"1"`` ... as True, their opposites as False.

    Raises:
        TypeError: another word.
    """
    if not isinstance(term, str):
        return term
    word = term.lower()
    if table is not None and word in table:
        return table[word]
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise TypeError(f"Cannot coerce {term!r} to type bool")


def b64encode(value: str | bytes) -> str:
    """Base64 text of bytes, or of text in UTF-8."""
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def b64decode(value: str | bytes) -> bytes:
    """The bytes of base64 text."""
    return base64.b64decode(value)


def jsonify(
    obj: Any,
    builtin_types: tuple[type, ...] = (int, float, str),
    key: Any = None,
    keyfilter: Callable[[Any], Any] | None = None,
    unknown_type_filter: Callable[[Any], Any] | None = None,
) -> Any:
    """The value with everything turned into what plain JSON holds; dates become ISO text.

    Args:
        keyfilter: whether an entry of a dict is kept, by its key.
        unknown_type_filter: gives what stands for a part that has no such form.

    Raises:
        ValueError: a part that has no such form.
    """
    rest = {"keyfilter": keyfilter, "unknown_type_filter": unknown_type_filter}
    if obj is None or isinstance(obj, builtin_types):
        return obj
    if isinstance(obj, (list, tuple)):
        return [jsonify(each, builtin_types, **rest) for each in obj]
    if isinstance(obj, dict):
        return {
            name: jsonify(value, builtin_types, name, **rest)
            for name, value in obj.items()
            if keyfilter is None or keyfilter(name)
        }
    if isinstance(obj, (datetime.datetime, datetime.date, datetime.time)):
        text = re.sub(r"(\.\d{3})\d{3}", r"\1", obj.isoformat())
        return re.sub(r"\+00:00$", "Z", text)
    if isinstance(obj, datetime.timedelta):
        return str(obj)
    if unknown_type_filter is not None:
        return unknown_type_filter(obj)
    raise ValueError(f"Unsupported type: {type(obj)!r} {obj!r} (parent: {key})")


class UnpickleableExceptionWrapper(Exception):
    """Stands for an exception whose class cannot be made anew where it is read.

    Args:
        exc_module, exc_cls_name: of its class.
        exc_args: its arguments as far as they can travel.
        text: what `str` gives for it.
    """

    def __init__(
        self, exc_module: str, exc_cls_name: str, exc_args: Sequence[Any], text: str | None = None
    ) -> None:
        self.exc_module, self.exc_cls_name = exc_module, exc_cls_name
        self.exc_args, self.text = tuple(_travels(each) for each in exc_args), text
        super().__init__(exc_module, exc_cls_name, self.exc_args, text)

    @classmethod
    def from_exception(cls, exc: BaseException) -> UnpickleableExceptionWrapper:
        """What stands for that exception."""
        kind = type(exc)
        text = f"{kind.__name__}({', '.join(map(shown, exc.args))})"
        return cls(kind.__module__, kind.__name__, exc.args, text)

    def restore(self) -> BaseException:
        """The nearest thing to the exception: one of a class made for it."""
        return create_exception_cls(self.exc_cls_name, self.exc_module)(*self.exc_args)

    def __str__(self) -> str:
        return self.text or f"{self.exc_cls_name}{self.exc_args}"


def create_exception_cls(
    name: str, module: str, parent: type[BaseException] | None = None
) -> type[BaseException]:
    """A new exception class of that name."""
    return type(name, (parent or Exception,), {"__module__": module})


def find_pickleable_exception(
    exc: BaseException, loads: Any = pickle.loads, dumps: Any = pickle.dumps
) -> BaseException | None:
    """The exception made anew by the nearest base class that survives pickling, or None."""
    for kind in type(exc).__mro__:
        if kind in (Exception, BaseException, object):
            return None
        try:
            made = kind(*exc.args)
            loads(dumps(made))
        except Exception:
            continue
        return made  # type: ignore[no-any-return]
    return None


def get_pickleable_exception(exc: BaseException) -> BaseException:
    """The exception itself if it survives pickling, else what stands for it."""
    try:
        pickle.loads(pickle.dumps(exc))
    except Exception:
        found = find_pickleable_exception(exc)
        return UnpickleableExceptionWrapper.from_exception(exc) if found is None else found
    return exc


def get_pickled_exception(exc: BaseException) -> BaseException:
    """The opposite of `get_pickleable_exception`."""
    return exc.restore() if isinstance(exc, UnpickleableExceptionWrapper) else exc


def _travels(value: Any) -> Any:
    try:
        pickle.loads(pickle.dumps(value))
    except Exception:
        return shown(value)
    return value


def shown(value: Any) -> str:
    """Its repr, or its class when that cannot be had."""
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__name__}>"


def subclass_exception(name: str, parent: type, module: str) -> type:
    """A class of exceptions, made by its name."""
    return type(name, (parent,), {"__module__": module})


def itermro(cls: type, stop: Iterable[type]) -> Iterator[type]:
    """A class and those it is derived from, up to the first of `stop`."""
    return takewhile(lambda each: each not in stop, cls.mro())


def ensure_serializable(items: Iterable[Any], encoder: Callable[[Any], Any]) -> tuple[Any, ...]:
    """The items, with text for each that the encoder refuses."""
    return tuple(_encodable(each, encoder) for each in items)


def _encodable(item: Any, encoder: Callable[[Any], Any]) -> Any:
    try:
        encoder(item)
    except Exception:
        return shown(item)
    return item


def raise_with_context(exc: BaseException) -> NoReturn:
    """Raise it from the exception that is being handled, if there is one."""
    current = sys.exc_info()[1]
    if current is None or current is exc:
        raise exc
    raise exc from current
