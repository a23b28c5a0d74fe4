"""The parts of a signature."""

from __future__ import annotations

from typing import Any


def _part(key: str, told: str) -> Any:
    """A property for what is under that key of the signature."""

    def read(self: dict[str, Any]) -> Any:
        return self[key]

    def write(self: dict[str, Any], value: Any) -> None:
        self[key] = value

    return property(read, write, doc=told)


def _option(key: str, told: str) -> Any:
    """A property for an option; None while it is not set."""

    def read(self: Fields) -> Any:
        return self.options.get(key)

    def write(self: Fields, value: Any) -> None:
        self.options[key] = value

    return property(read, write, doc=told)


class Fields(dict[str, Any]):
    """A dict with the keys task, args, kwargs, options, subtask_type and immutable; each may be
    read and set as an attribute, too.
    """

    args: Any = _part("args", "The arguments.")
    kwargs: dict[str, Any] = _part("kwargs", "The keyword arguments.")
    options: dict[str, Any] = _part("options", "The options of the call.")
    id: str | None = _option("task_id", "The id that it will have, if that is settled.")
    parent_id: str | None = _option("parent_id", "The id of the task that starts it.")
    root_id: str | None = _option("root_id", "The id of the first task of its workflow.")

    #: What `task` names, if it is known already.
    _type: Any = None
    _app: Any = None

    @property
    def task(self) -> str:
        """The name of its task."""
        return self["task"]  # type: ignore[no-any-return]

    @task.setter
    def task(self, task: str) -> None:
        self["task"] = task
        if self._type is not None:
            # A task of that name of the same application.
            self._app, self._type = self._app or self._type.app, None

    @property
    def name(self) -> str:
        """The name of its task."""
        return self.task

    @property
    def subtask_type(self) -> str | None:
        """Which kind of signature it is; None for a task."""
        return self.get("subtask_type")

    @subtask_type.setter
    def subtask_type(self, subtask_type: str | None) -> None:
        self["subtask_type"] = subtask_type

    @property
    def immutable(self) -> bool:
        """Whether it takes no further arguments."""
        return bool(self.get("immutable"))

    @immutable.setter
    def immutable(self, immutable: bool) -> None:
        self["immutable"] = immutable
