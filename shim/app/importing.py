"""Importing what a name stands for: settings, and modules that hold tasks."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any


def names_in(value: Any) -> Sequence[str]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def imported(path: str) -> Any:
    """A module, or an attribute of one (``package.module:attribute`` or with a dot)."""
    if ":" in path:
        module, _, attribute = path.partition(":")
        return getattr(import_module(module), attribute)
    try:
        return import_module(path)
    except ModuleNotFoundError as error:
        module, _, attribute = path.rpartition(".")
        if not module or not path.startswith(str(error.name)):
            raise
        return getattr(import_module(module), attribute)


def import_related(package: str, related_name: str | None) -> None:
    """A package without that module is fine; one whose module cannot be imported is not, and
    without `related_name` the package has to be there.
    """
    if not related_name:
        import_module(package)
        return
    name = f"{package}.{related_name}"
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
