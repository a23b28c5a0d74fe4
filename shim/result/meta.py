"""What is known of a task at one moment, from whatever tells it: its job, the event of its end, or
a record of Celery's.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bullrush.core import Event, Job
from bullrush.core.errors import JobFailed

from .. import states
from ..exceptions import DecodeError, InvalidTaskError
from ..failures import exception_of, read_record
from ..ids import task_id_of
from ..message import NO_RESULT, Message, decode
from ..serialization import loads, unpacked_record

if TYPE_CHECKING:
    from ..app.base import Celery
    from .single import AsyncResult

_NO_RESULT = NO_RESULT.text.encode()


class Meta:
    """What is known of a task.

    Attributes:
        status: the state.
        complete: whether there is nothing more to know.
    """

    complete = True
    status: str = states.PENDING
    #: What is stored instead of the value or the exception.
    result: Any = None
    traceback: str | None = None
    children: Any = None
    date_done: datetime.datetime | None = None
    name: str | None = None
    args: Any = None
    kwargs: Any = None
    worker: str | None = None
    retries: int | None = None
    queue: str | None = None
    group_id: str | None = None
    parent_id: str | None = None

    @property
    def ready(self) -> bool:
        """Whether the task has ended."""
        return self.status in states.READY_STATES

    def as_dict(self, task_id: str) -> dict[str, Any]:
        """As Celery's backends give it."""
        done = self.date_done.isoformat() if self.date_done is not None else None
        meta = {
            "status": self.status,
            "result": self.result,
            "traceback": self.traceback,
            "children": self.children,
            "date_done": done,
        }
        more = ("name", "args", "kwargs", "worker", "retries", "queue", "group_id", "parent_id")
        known = {name: getattr(self, name) for name in more if self.complete}
        extended = {name: value for name, value in known.items() if value is not None}
        return meta | extended | {"task_id": task_id}


#: Nobody knows the task.
UNKNOWN = Meta()


class EndMeta(Meta):
    """From the event of a task that returned: what was returned, and nothing else."""

    complete = False

    def __init__(self, event: Event, app: Celery) -> None:
        self.status = states.SUCCESS
        self._event, self._app = event, app

    @cached_property
    def result(self) -> Any:
        raw = self._event.fields.get("returnvalue", "null").encode()
        return loads(raw, self._event.value, self._app.accepted_results())


class FailedMeta(Meta):
    """From the event of a task that failed and whose job is gone."""

    complete = False

    def __init__(self, event: Event) -> None:
        self.status = states.FAILURE
        self.result = JobFailed(event.job_id, event.fields.get("failedReason", ""))


class InheritedMeta(Meta):
    """Of a step of a chain, from the result of a step before it that has failed."""

    complete = False

    def __init__(self, failed: AsyncResult) -> None:
        self._failed = failed
        self.status, self.result = failed.state, failed.result

    @property
    def traceback(self) -> str | None:  # type: ignore[override]
        """That of the step that has failed."""
        return self._failed.traceback


class JobMeta(Meta):
    """From a job.

    Args:
        job: the job, or an ended one with a few fields.
        app: the application, which says what serializers it accepts.
        state: Celery's name of the state the job is in, if that is not told by its fields.
        complete: whether the job has all its fields.
    """

    def __init__(
        self, job: Job, app: Celery, state: str = states.PENDING, complete: bool = True
    ) -> None:
        self.job, self.complete, self._app = job, complete, app
        own = _own_state(job)
        #: It was told to leave the state as it is (`Ignore`).
        ignored = job.raw("returnvalue") == _NO_RESULT
        self._ended = job.finished_on is not None and not ignored
        if not self._ended:
            self.status = str(own.get("state") or state)
        elif job.raw("returnvalue") is not None:
            self.status = states.SUCCESS
        else:
            self.status = _failed_state(job)
        self._own = own

    @cached_property
    def result(self) -> Any:
        job = self.job
        if not self._ended:
            told = self._own.get("meta")
            return _readable(self.status, told) if self._own else self._cause()
        if self.status == states.SUCCESS:
            accepted = self._app.accepted_results()
            return loads(job.raw("returnvalue"), job.returnvalue, accepted)
        return exception_of(read_record(job.exception), job.failed_reason or "", job.id)

    def _cause(self) -> Any:
        """Of a task that is tried again: what the last try failed with."""
        if self.status == states.RETRY:
            return exception_of(
                read_record(self.job.exception), self.job.failed_reason or "", self.job.id
            )
        if self.status == states.STARTED:
            return {"pid": None, "hostname": self.job.processed_by}
        return None

    @property
    def traceback(self) -> str | None:  # type: ignore[override]
        if not self._ended and self._own:
            return self._own.get("traceback")
        if self.status not in states.EXCEPTION_STATES:
            return None
        return self.job.stacktrace[-1] if self.job.stacktrace else None

    @property
    def date_done(self) -> datetime.datetime | None:  # type: ignore[override]
        ended = self.job.finished_on
        if ended is None or not self._ended:
            return None
        return datetime.datetime.fromtimestamp(ended / 1000, datetime.timezone.utc)

    @cached_property
    def _message(self) -> Message:
        try:
            return decode(self.job.raw("data"), self.job.data)
        except (InvalidTaskError, ValueError):
            return Message()

    @property
    def children(self) -> Any:
        if self.job.finished_on is None:
            return None
        record = read_record(self.job.exception)
        if self.status != states.SUCCESS:
            return record.get("children") or []
        # The record of an earlier try, of a task that returned in the end, tells of that try.
        sent = [] if "exc_type" in record else record.get("children") or []
        return [*sent, *self._next_of_chain()]

    def _next_of_chain(self) -> list[Any]:
        """What waited for this task alone, as `as_tuple` gives it: the step of the chain after it.
        A member of a group is waited for by what has the values of all, and what could not be
        planned before is among those that the task sent.
        """
        parent, headers = self.job.parent, self._message.headers
        if not parent or "group" in headers or "chain" in headers:
            return []
        return [[[task_id_of(parent["id"]), None], None]]

    @property
    def name(self) -> str | None:  # type: ignore[override]
        return self.job.name

    @property
    def args(self) -> Any:
        return list(self._message.args)

    @property
    def kwargs(self) -> Any:
        return self._message.kwargs

    @property
    def worker(self) -> str | None:  # type: ignore[override]
        return self.job.processed_by

    @property
    def retries(self) -> int | None:  # type: ignore[override]
        made = self.job.attempts_made
        return max(0, made - 1) if self.job.finished_on is not None else made

    @property
    def queue(self) -> str | None:  # type: ignore[override]
        return self.job.queue_name

    @property
    def group_id(self) -> str | None:  # type: ignore[override]
        return self._message.headers.get("group")

    @property
    def parent_id(self) -> str | None:  # type: ignore[override]
        return self._message.headers.get("parent_id")


class RecordMeta(Meta):
    """From a record as Celery stores it for an id."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.record = record
        self.status = str(record.get("status") or states.PENDING)
        self.traceback, self.children = record.get("traceback"), record.get("children")
        for name in ("name", "args", "kwargs", "worker", "retries", "queue"):
            setattr(self, name, record.get(name))
        self.group_id, self.parent_id = record.get("group_id"), record.get("parent_id")
        self.date_done = _moment(record.get("date_done"))

    @cached_property
    def result(self) -> Any:
        return _readable(self.status, self.record.get("result"))

    @classmethod
    def from_text(cls, raw: bytes | None) -> Meta:
        """From the stored text; `UNKNOWN` when there is none."""
        try:
            raw = unpacked_record(raw)
            record = loads(raw, json.loads(raw)) if raw else None
        except (ValueError, DecodeError):
            return UNKNOWN
        return cls(record) if isinstance(record, Mapping) else UNKNOWN


def _readable(status: str, stored: Any) -> Any:
    if status not in states.EXCEPTION_STATES:
        return stored
    if isinstance(stored, Mapping) and "exc_type" in stored:
        return exception_of(stored)
    return stored if isinstance(stored, BaseException) else Exception(stored)


def _own_state(job: Job) -> Mapping[str, Any]:
    if job.raw("progress") is None:
        return {}
    raw = job.raw("progress")
    progress = loads(raw, job.progress)
    return progress if isinstance(progress, dict) and "state" in progress else {}


def _failed_state(job: Job) -> str:
    revoked = read_record(job.exception).get("exc_type") == "TaskRevokedError"
    return states.REVOKED if revoked else states.FAILURE


def _moment(text: Any) -> datetime.datetime | None:
    if isinstance(text, datetime.datetime):
        return text
    try:
        return datetime.datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
