"""The parts of a signature."""

from __future__ import annotations

from typing import Any


class Fields(dict[str, Any]):
    """A dict with the keys task, args, kwargs, options, subtask_type and immutable."""

    @property
    def task(self) -> str:
        """The name of its task."""
        return self["task"]  # type: ignore[no-any-return]

    name = task

    @property
    def args(self) -> Any:
        """The arguments."""
        return self["args"]

    @property
    def kwargs(self) -> dict[str, Any]:
        """The keyword arguments."""
        return self["kwargs"]  # type: ignore[no-any-return]

    @property
    def options(self) -> dict[str, Any]:
        """The options of the call."""
        return self["options"]  # type: ignore[no-any-return]

    @property
    def subtask_type(self) -> str | None:
        """Which kind of signature it is; None for a task."""
        return self.get("subtask_type")

    @property
    def immutable(self) -> bool:
        """Whether it takes no further arguments."""
        return bool(self.get("immutable"))

    @immutable.setter
    def immutable(self, immutable: bool) -> None:
        self["immutable"] = immutable

    @property
    def id(self) -> str | None:
        """The id that it will have, if that is settled."""
        return self.options.get("task_id")

    @property
    def parent_id(self) -> str | None:
        """The id of the task that starts it."""
        return self.options.get("parent_id")

    @property
    def root_id(self) -> str | None:
        """The id of the first task of its workflow."""
        return self.options.get("root_id")
