"""What a result tells of its task beside the value."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from .meta import Meta
from .trees import result_from_tuple

if TYPE_CHECKING:
    from ..app.base import Celery


class Facts:
    """The part of `AsyncResult` that tells of the task."""

    app: Celery
    _queue: str | None

    def _more(self) -> Meta:
        """All that is known."""
        raise NotImplementedError

    @property
    def children(self) -> Any:
        """The results of the tasks that this task sent, or None."""
        trees = self._more().children
        return None if trees is None else [result_from_tuple(each, self.app) for each in trees]

    @property
    def date_done(self) -> datetime.datetime | None:
        """When it ended."""
        return self._more().date_done

    @property
    def name(self) -> str | None:
        """The task's name."""
        return self._more().name

    @property
    def args(self) -> Any:
        """The arguments it was sent with."""
        return self._more().args

    @property
    def kwargs(self) -> Any:
        """The keyword arguments it was sent with."""
        return self._more().kwargs

    @property
    def worker(self) -> str | None:
        """Who ran it."""
        return self._more().worker

    @property
    def retries(self) -> int | None:
        """How often it was retried."""
        return self._more().retries

    @property
    def queue(self) -> str | None:
        """The queue it was sent to."""
        return self._more().queue or self._queue
