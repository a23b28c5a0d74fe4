"""Tasks that can be told to stop, and look whether they were."""

from __future__ import annotations

from typing import Any

from ..app.task import Task
from ..result import AsyncResult

ABORTED = "ABORTED"


class AbortableAsyncResult(AsyncResult):
    """The result of an `AbortableTask`."""

    def is_aborted(self) -> bool:
        """Whether somebody has told it to stop."""
        return bool(self.state == ABORTED)

    def abort(self) -> None:
        """Tell the task to stop. It looks by itself, so this promises nothing; a task that has
        ended stays as it is.
        """
        self.app.backend.store_result(self.id, None, ABORTED)


class AbortableTask(Task):
    """Base of tasks that look now and then whether they are to stop::

    @app.task(bind=True, base=AbortableTask)
    def walk(self):
        while not self.is_aborted():
            step()
    """

    abstract = True

    def AsyncResult(self, task_id: str, **known: Any) -> AbortableAsyncResult:
        """The result of a run of this task."""
        return AbortableAsyncResult(task_id, app=self.app, **known)

    def is_aborted(self, **kwargs: Any) -> bool:
        """Whether somebody has told this run to stop.

        Args:
            task_id: of another run.

        Raises:
            ValueError: the task gives results of another kind.
        """
        result = self.AsyncResult(str(kwargs.get("task_id", self.request.id)))
        if not isinstance(result, AbortableAsyncResult):
            raise ValueError("Task does not support abortion")
        return result.is_aborted()
