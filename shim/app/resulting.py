"""How an application gives the results of tasks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .. import result
from ..backends.base import Backend
from ..result.endings import Endings

if TYPE_CHECKING:
    from .base import Celery


class Resulting:
    """The part of `Celery` that has to do with results."""

    _endings: dict[str, Endings]

    @cached_property
    def AsyncResult(self) -> type[result.AsyncResult]:
        """The class of results, for this application: ``app.AsyncResult(task_id)``."""
        return type(
            "AsyncResult", (result.AsyncResult,), {"app": self, "__module__": "bullrush.result"}
        )

    @cached_property
    def ResultSet(self) -> type[result.ResultSet]:
        """The class of several results, for this application."""
        return type(
            "ResultSet", (result.ResultSet,), {"_app": self, "__module__": "bullrush.result"}
        )

    @cached_property
    def GroupResult(self) -> type[result.GroupResult]:
        """The class of results of groups, for this application:
        ``app.GroupResult.restore(group_id)``.
        """
        return type(
            "GroupResult", (result.GroupResult,), {"_app": self, "__module__": "bullrush.result"}
        )

    @cached_property
    def backend(self: Celery) -> Backend:  # type: ignore[misc]
        """What stores results, for code that asks it directly."""
        return Backend(self)

    def endings(self: Celery, name: str) -> Endings:  # type: ignore[misc]
        """Who tells of the ends of a queue's tasks, one for all that wait in this process.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        found = self._endings.get(name)
        if found is None:
            events = self.events_of(name)
            with self._guard:
                found = self._endings.get(name)
                if found is None:
                    found = self._endings[name] = Endings(events)
        return found

    def stray_endings(self: Celery) -> Endings:  # type: ignore[misc]
        """Who tells of results that are stored for ids without a job.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        events = self.stray_events()
        key = events.queue.keys.base
        with self._guard:
            found = self._endings.get(key)
            if found is None:
                found = self._endings[key] = Endings(events)
            return found

    def everywhere(self: Celery) -> list[Endings]:  # type: ignore[misc]
        """Who tells of the ends of tasks whose queue is not known.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        return [*map(self.endings, self.known_queues()), self.stray_endings()]

    def mark_of(self, name: str, reused_id: str | None = None) -> int | None:
        """For who is about to send a task: tells its result from where on the reader of the queue
        has seen everything. None when nobody reads yet, and for an id that may have been used
        before, whose earlier end must not be taken for this one.
        """
        endings = self._endings.get(name)
        return None if endings is None or reused_id else endings.count

    def marks(self) -> dict[str, int]:
        """For who is about to send many: queue -> `mark_of`."""
        return {name: endings.count for name, endings in list(self._endings.items())}
