"""Finding an application by name: that of ``-A``, and that of a worker in its child processes."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from bullrush.core.errors import InvalidOption

from .app.base import Celery


def find_app(name: str) -> Celery:
    """The application in ``module``, ``module:attribute``, ``module.attribute`` or
    ``package.celery``; that of a Flask application, which may be made by ``module:factory()``.

    Raises:
        InvalidOption: nothing of that kind; says what was looked for.
    """
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    module_name, _, attribute = name.partition(":")
    try:
        module, rest = _import_longest(module_name)
    except ModuleNotFoundError as error:
        raise InvalidOption(f"-A {name}: there is no module {error.name!r} here") from None
    for part in (*rest, *(attribute.split(".") if attribute else ())):
        part, call, _ = part.partition("()")
        if not hasattr(module, part):
            raise InvalidOption(
                f"-A {name}: {getattr(module, '__name__', module)!r} has no {part!r}"
            )
        module = getattr(module, part)
        module = module() if call else module
    found = module if isinstance(module, Celery) else _held(module) or _in_module(module)
    if found is None:
        raise InvalidOption(
            f"-A {name}: no Celery application there; name it as -A module:attribute"
        )
    return found


def locate_app(app: Celery) -> str | None:
    """A name by which `find_app` finds that application in another process; None when it is no
    attribute of a module.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith("bullrush.") or module is None:
            continue
        for attribute, value in list(vars(module).items()):
            if value is app:
                return f"{name}:{attribute}"
    return None


def _import_longest(name: str) -> tuple[Any, list[str]]:
    """The module of a dotted name, and the attributes that follow it."""
    parts, rest = name.split("."), list[str]()
    while True:
        path = ".".join(parts)
        try:
            return import_module(path), rest
        except ModuleNotFoundError as error:
            if len(parts) == 1 or not path.startswith(str(error.name)):
                raise
            rest.insert(0, parts.pop())


def _held(module: Any) -> Celery | None:
    """That of an object with extensions, as a Flask application is."""
    extensions = getattr(module, "extensions", None)
    held = extensions.get("bullrush") if isinstance(extensions, dict) else None
    found = getattr(held, "celery", None)
    return found if isinstance(found, Celery) else None


def _in_module(module: Any) -> Celery | None:
    """As Celery looks: ``app``, ``celery``, the module ``celery`` of a package, then any
    application.
    """
    for name in ("app", "celery"):
        found = getattr(module, name, None)
        if isinstance(found, ModuleType):
            found = _in_module(found)
        if isinstance(found, Celery):
            return found
    if hasattr(module, "__path__"):
        try:
            return _in_module(import_module(f"{module.__name__}.celery"))
        except ModuleNotFoundError as error:
            if error.name != f"{module.__name__}.celery":
                raise
    own = list(vars(module).values())
    found = next((each for each in own if isinstance(each, Celery)), None)
    return found or next((each for each in map(_held, own) if each is not None), None)
