"""What log records know of the job during which they are made, and records as JSON."""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable, Collection
from contextvars import ContextVar
from datetime import datetime, timezone
from functools import wraps
from typing import Any

from ..delivery import Delivery

#: The delivery of a handler that `with_log_fields` made.
current_delivery: ContextVar[Delivery | None] = ContextVar("bullrush_delivery", default=None)
#: What every record has anyway.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def details_of(delivery: Delivery) -> dict[str, Any]:
    """What a record says of the job it is about."""
    job = delivery.job
    return {
        "job_id": job.id,
        "queue": job.queue_name,
        "task": job.name,
        "attempt": job.attempts_made + 1,
        "priority": job.priority,
    }


class JobFields(logging.Filter):
    """Gives each record the attributes ``job_id``, ``queue``, ``task``, ``attempt`` and
    ``priority`` of the job that runs where it was made. For a handler: ``handler.addFilter(...)``.
    What the record has already, stays.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`; lets everything pass."""
        for name, value in self.fields().items():
            record.__dict__.setdefault(name, value)
        return True

    def fields(self) -> dict[str, Any]:
        """The attributes; none outside of a job."""
        delivery = current_delivery.get()
        return {} if delivery is None else details_of(delivery)


def with_log_fields(handler: Callable[[Delivery], Any]) -> Callable[[Delivery], Any]:
    """The handler of a worker, as `JobFields` knows which job it works at. A handler that is not
    wrapped pays nothing. Tasks need no wrapping.
    """
    if inspect.iscoroutinefunction(handler):

        @wraps(handler)
        async def run_async(delivery: Delivery) -> Any:
            current_delivery.set(delivery)  # of this coroutine's own context
            return await handler(delivery)

        return run_async

    @wraps(handler)
    def run(delivery: Delivery) -> Any:
        token = current_delivery.set(delivery)
        try:
            return handler(delivery)
        finally:
            current_delivery.reset(token)

    return run


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: ``time`` (ISO 8601, UTC), ``level``, ``logger``, ``message``,
    the attributes that were given with it, and ``exception``.

    Args:
        hidden: attributes that are left out.
    """

    def __init__(self, hidden: Collection[str] = ()) -> None:
        super().__init__()
        self._hidden = _STANDARD.union(hidden)

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        said = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        more = {name: v for name, v in record.__dict__.items() if name not in self._hidden}
        if record.exc_info:
            more["exception"] = self.formatException(record.exc_info)
        return json.dumps({**said, **more, **said}, ensure_ascii=False, default=str)
