"""The tasks of an application by name."""

from __future__ import annotations

from typing import Any

from ..exceptions import NotRegistered
from .task import Task


class TaskRegistry(dict[str, Task]):
    """The tasks of an application by name. A name that is not there raises `NotRegistered`."""

    NotRegistered = NotRegistered

    def __missing__(self, name: str) -> Task:
        raise NotRegistered(name)

    def register(self, task: Task | type[Task]) -> None:
        """Add a task, or an instance of a class of one.

        Raises:
            ValueError: it has no name.
        """
        instance = task() if isinstance(task, type) else task
        if not getattr(instance, "name", None):
            raise ValueError(f"the task {instance!r} has no name")
        self[instance.name] = instance

    def unregister(self, name: str | Task) -> None:
        """Take a task away.

        Raises:
            NotRegistered: it is not there.
        """
        found = name if isinstance(name, str) else name.name
        if found not in self:
            raise NotRegistered(found)
        del self[found]

    def regular(self) -> dict[str, Any]:
        """The tasks that somebody wrote."""
        return {name: task for name, task in self.items() if not name.startswith("celery.")}

    def periodic(self) -> dict[str, Any]:
        """Tasks of Celery's class of that name, which is no more: none."""
        return {}
