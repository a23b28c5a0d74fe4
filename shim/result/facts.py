"""What a result tells of its task beside the value."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from bullrush.core import Job

from .meta import JobMeta, Meta
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

    def _look_anew(self) -> Meta:
        """All that is known now."""
        raise NotImplementedError

    @property
    def job(self) -> Job | None:
        """The job that the task is, as it stands in Redis now; None when it is not there (any
        more).

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        meta = self._look_anew()
        return meta.job if isinstance(meta, JobMeta) else None

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
