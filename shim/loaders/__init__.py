"""Where an application's settings and tasks come from."""

from __future__ import annotations

from typing import Any

from ..app.importing import imported
from .base import AppLoader, BaseLoader

_BY_NAME = {"app": "AppLoader", "default": "AppLoader"}


def get_loader_cls(loader: Any) -> type[BaseLoader]:
    """The class of that name or path; a class as it is."""
    found = (
        AppLoader if loader in _BY_NAME else imported(loader) if isinstance(loader, str) else loader
    )
    return found


__all__ = ["AppLoader", "BaseLoader", "get_loader_cls"]
