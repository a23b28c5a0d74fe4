"""Modules that are loaded when they are asked for as attributes of their package: after ``import
celery`` people write ``celery.signals`` and ``celery.app.task``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from types import ModuleType


def loading(package: str, names: Iterable[str]) -> Callable[[str], ModuleType]:
    """The `__getattr__` of a package with these modules.

    Args:
        package: its full name.
        names: of modules in it.
    """
    known = frozenset(names)

    def find(name: str) -> ModuleType:
        if name not in known:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return import_module(f"{package}.{name}")

    return find
