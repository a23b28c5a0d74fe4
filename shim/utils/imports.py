"""Finding things by their names."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module, reload
from types import ModuleType
from typing import Any

from kombu.utils import imports as _kombu

__all__ = [
    "cwd_in_path",
    "gen_task_name",
    "import_from_cwd",
    "instantiate",
    "qualname",
    "reload_from_cwd",
    "symbol_by_name",
]


#: What a dotted path, or ``module:attribute``, names.
symbol_by_name: Callable[..., Any] = _kombu.symbol_by_name


def qualname(obj: Any) -> str:
    """Module and name of a class or function, or of the class of anything else."""
    named = obj if hasattr(obj, "__name__") else type(obj)
    return f"{named.__module__}.{getattr(named, '__qualname__', named.__name__)}"


def instantiate(name: Any, *args: Any, **kwargs: Any) -> Any:
    """Call what a dotted path names."""
    return symbol_by_name(name)(*args, **kwargs)


@contextmanager
def cwd_in_path() -> Iterator[None]:
    """The working directory can be imported from while the block runs."""
    folder = os.getcwd()
    if folder in sys.path:
        yield
        return
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def import_from_cwd(
    module: str, imp: Callable[[str], Any] | None = None, package: str | None = None
) -> Any:
    """Import a module that may lie in the working directory."""
    with cwd_in_path():
        return (imp or (lambda name: import_module(name, package)))(module)


def reload_from_cwd(
    module: ModuleType, reloader: Callable[[ModuleType], ModuleType] | None = None
) -> ModuleType:
    """Load a module anew that may lie in the working directory."""
    with cwd_in_path():
        return (reloader or reload)(module)


def gen_task_name(app: Any, name: str, module_name: str) -> str:
    """What the application would call a task of that module and name."""
    return str(app.gen_task_name(name, module_name))
