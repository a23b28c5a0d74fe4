"""The stored form of an exception, which is Celery's: ``exc_type``, ``exc_module`` and
``exc_message``, the list of its arguments.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Sequence
from typing import Any

from bullrush.core.errors import JobFailed, UnserializableData
from bullrush.core.outcome import RawJson, storable

from . import exceptions
from .exceptions import SecurityError
from .serialization import dumps, loads
from .utils.serialization import get_pickleable_exception, shown

#: Modules of exceptions that a reader knows under another name. What is stored has Celery's.
_OURS = frozenset({"bullrush.exceptions", "bullrush.core.errors"})
_CELERYS = frozenset({"celery.exceptions", "billiard.exceptions", "billiard.einfo"})
#: Celery takes these from billiard.
_BILLIARDS = frozenset(
    {"SoftTimeLimitExceeded", "TimeLimitExceeded", "WorkerLostError", "Terminated"}
)
_WRAPPER = "bullrush.utils.serialization"


def record_of(error: BaseException) -> str:
    """What an exception was, as text: its class and its arguments, each as far as JSON can hold it.

    An exception that cannot be made anew from its arguments is stored as the nearest class that
    can, as Celery does.
    """
    error = get_pickleable_exception(error)
    kind = type(error)
    args = ",".join(_argument(each) for each in error.args)
    name, module = json.dumps(kind.__qualname__), json.dumps(_stored_module(kind))
    return f'{{"exc_type": {name}, "exc_module": {module}, "exc_message": [{args}]}}'


def note_of(children: Sequence[Any], record: str = "") -> str:
    """A record that also tells of the results of the tasks that a task sent."""
    told = json.loads(record) if record else {}
    return json.dumps({**told, "children": [each.as_tuple() for each in children]})


def storable_exception(value: Any) -> Any:
    """The record of an exception as data; any other value as it is."""
    return read_record(record_of(value)) if isinstance(value, BaseException) else value


def told_state(state: str | None, meta: Any, traceback: str | None = None) -> RawJson:
    """A state that a user tells, as it stands in the progress of a job.

    Raises:
        UnserializableArgument: `meta` has no JSON form.
    """
    told = {"state": state, "meta": storable_exception(meta)}
    if traceback:
        told["traceback"] = storable(traceback)
    return RawJson(dumps(told, "the state"))


def _argument(value: Any) -> str:
    try:
        return dumps(value, "an argument")
    except UnserializableData:
        return json.dumps(shown(value))


def _stored_module(kind: type) -> str:
    module = kind.__module__
    if module == _WRAPPER:
        return "celery.utils.serialization"
    if module not in _OURS or not hasattr(exceptions, kind.__qualname__):
        return module
    return "billiard.exceptions" if kind.__qualname__ in _BILLIARDS else "celery.exceptions"


def read_record(text: str | bytes | None) -> dict[str, Any]:
    """A stored record; empty when it is none."""
    if not text:
        return {}
    try:
        plain = json.loads(text)
    except ValueError:
        return {}
    raw = text.encode() if isinstance(text, str) else text
    record = loads(raw, plain)
    return record if isinstance(record, dict) else {}


def exception_of(record: Any, reason: str = "", job_id: str = "") -> BaseException:
    """The exception that a record tells of.

    Its class is that of the module that the record names if the module is imported here already,
    else a new one of the same name: a record never makes anything be imported, and nothing but
    exceptions is ever called. A class that does not take the arguments is an `Exception` with
    their text. What Node failed with is a `JobFailed`.

    Args:
        record: a stored record, or anything else that stands where one should.
        reason: the text of a failure without a record.

    Raises:
        SecurityError: the record names something that is no exception.
    """
    if isinstance(record, BaseException):
        return record
    if not isinstance(record, dict) or not isinstance(record.get("exc_type"), str):
        return JobFailed(job_id, reason)
    name, module, args = record["exc_type"], record.get("exc_module"), record.get("exc_message")
    kind = _class_of(name, module if isinstance(module, str) else None)
    given = args if isinstance(args, (list, tuple)) else [] if args is None else [args]
    try:
        return kind(*given)
    except Exception:
        return Exception(f"{kind}({', '.join(map(shown, given))})")


def _class_of(name: str, module: str | None) -> type[BaseException]:
    found = _found(name, module)
    if found is None:
        return _made(name, module or "celery.exceptions")
    if not (isinstance(found, type) and issubclass(found, BaseException)):
        raise SecurityError(
            f"Expected an exception class, got {module}.{name}: the stored result is not trusted"
        )
    return found


def _found(name: str, module: str | None) -> Any:
    if module is None or module in _CELERYS:
        own = getattr(exceptions, name, None)
        if own is not None or module is not None:
            return own
        module = "builtins"
    if module == "celery.utils.serialization":
        module = _WRAPPER
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


@functools.lru_cache(maxsize=256)
def _made(name: str, module: str) -> type[BaseException]:
    return type(name, (Exception,), {"__module__": module})
