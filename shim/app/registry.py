"""The tasks of an application by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .._state import shared_makers
from ..exceptions import NotRegistered
from .task import Task

if TYPE_CHECKING:
    from .base import Celery


class TaskRegistry(dict[str, Task]):
    """The tasks of an application by name, those of ``@shared_task`` included."""

    def __init__(self, app: Celery) -> None:
        super().__init__()
        self._app = app
        self._seen = 0

    def add(self, task: Task) -> None:
        """Register a task."""
        super().__setitem__(task.name, task)

    def _adopt(self) -> None:
        while self._seen < len(shared_makers):
            self._seen += 1
            shared_makers[self._seen - 1](self._app)

    def __contains__(self, name: object) -> bool:
        self._adopt()
        return super().__contains__(name)

    def __missing__(self, name: str) -> Task:
        self._adopt()
        found = super().get(name)
        if found is None:
            raise NotRegistered(name)
        return found

    def get(self, name: str, default: Any = None) -> Any:
        """The task of that name, or the default."""
        self._adopt()
        return super().get(name, default)

    def values(self) -> Any:
        """Every task."""
        self._adopt()
        return super().values()

    def __iter__(self) -> Iterator[str]:
        self._adopt()
        return super().__iter__()
