"""Celery's API on queues shared with Node BullMQ: ``from bullrush import Celery`` is the whole
migration.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from .lazy import loading

if TYPE_CHECKING:
    from ._state import current_app, shared_task
    from .app.base import Celery
    from .app.components import bugreport
    from .app.task import Task
    from .bridge import install_as_celery
    from .canvas import (
        Signature,
        chain,
        chord,
        chunks,
        group,
        maybe_signature,
        node,
        signature,
        subtask,
        xmap,
        xstarmap,
    )
    from .ids import uuid
    from .local import current_task
    from .result import AsyncResult, EagerResult, GroupResult


class version_info_t(NamedTuple):
    """A version of Celery's API."""

    major: int
    minor: int
    micro: int
    releaselevel: str = ""
    serial: str = ""


#: The version of Celery whose API this is, for code that compares it; `__version__` is our own, or
#: this one where the package is asked by Celery's name.
VERSION = version_info = version_info_t(5, 7, 0)

#: Public name -> the module that has it. A name is loaded when it is first asked for, so that who
#: uses `bullrush.core` alone pays nothing for the rest.
_HOMES = {
    "AsyncResult": ".result",
    "Celery": ".app.base",
    "EagerResult": ".result",
    "GroupResult": ".result",
    "Signature": ".canvas",
    "Task": ".app.task",
    "bugreport": ".app.components",
    "chain": ".canvas",
    "chord": ".canvas",
    "chunks": ".canvas",
    "current_app": "._state",
    "current_task": ".local",
    "group": ".canvas",
    "install_as_celery": ".bridge",
    "maybe_signature": ".canvas",
    "node": ".canvas",
    "shared_task": "._state",
    "uuid": ".ids",
    "signature": ".canvas",
    "subtask": ".canvas",
    "xmap": ".canvas",
    "xstarmap": ".canvas",
}

#: Celery's modules that are attributes of the package without an import of their own.
_find_module = loading(
    __name__,
    (
        *("app", "beat", "bootsteps", "canvas", "events", "exceptions", "loaders", "platforms"),
        *("result", "schedules", "signals", "states", "utils", "worker"),
    ),
)

__all__ = [
    "AsyncResult",
    "Celery",
    "EagerResult",
    "GroupResult",
    "Signature",
    "Task",
    "bugreport",
    "chain",
    "chord",
    "chunks",
    "current_app",
    "current_task",
    "group",
    "install_as_celery",
    "maybe_signature",
    "node",
    "shared_task",
    "signature",
    "subtask",
    "uuid",
    "xmap",
    "xstarmap",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name in _HOMES:
        value: Any = getattr(import_module(_HOMES[name], __name__), name)
    else:
        value = _find_module(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})


def _version() -> str:
    if import_module(".bridge", __name__).is_installed():
        return ".".join(map(str, VERSION[:3]))
    return str(import_module(".version", __name__).release())
