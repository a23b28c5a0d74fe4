"""Results of tasks. The job is the result: nothing is stored a second time."""

from __future__ import annotations

import builtins
import datetime
import importlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from bullrush.core import Event, Job, JobFailed, JobView
from bullrush.core.errors import JobNotFound, WrongState

from . import states
from .exceptions import TaskRevokedError, TimeoutError
from .ids import job_id_of
from .serialization import loads

if TYPE_CHECKING:
    from .app.base import Celery

#: s after which a waiter looks at the job itself, in case an event was lost.
_LOOK_AGAIN = 2.0


class AsyncResult:
    """What became of a task.

    Args:
        id: the task id.
        app: the application; the current one when not given.
        queue: the queue of the task when it is known, else all that the application knows are
            asked.
        ignored: whether no result is kept.
    """

    def __init__(
        self, id: str, app: Celery, queue: str | None = None, ignored: bool = False
    ) -> None:
        self.ignored = ignored
        self.id = self.task_id = id
        self.app = app
        self._queue = queue

    def __repr__(self) -> str:
        return f"<AsyncResult: {self.id}>"

    def __str__(self) -> str:
        return self.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsyncResult) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def get(
        self,
        timeout: float | None = None,
        propagate: bool = True,
        interval: float = 0.5,
        **options: Any,
    ) -> Any:
        """The value, as soon as the task is ready.

        Args:
            timeout: s to wait; None for as long as it takes. The value of an ignored result is
                None at once.
            propagate: raise what the task raised; else return it.
            interval: accepted for Celery's sake; nothing is polled.

        Raises:
            TimeoutError: it is not ready in time.
            Exception: what the task raised.
        """
        if self.ignored:
            return None
        deadline = None if timeout is None else time.monotonic() + timeout
        ended, endings = threading.Event(), dict[str, Event]()

        def listen(event: Event) -> None:
            if event.job_id in self._job_ids():
                endings[event.job_id] = event
                ended.set()

        forget = self._listen(listen)
        try:
            while True:
                ended.clear()
                view = self._view()
                # The event of an earlier run of the same id may come late; the job itself knows
                # better.
                gone = endings if view.job is None else {}
                if view.state in ("completed", "failed") or gone:
                    return self._value(view, next(iter(gone.values()), None), propagate)
                rest = (
                    _LOOK_AGAIN
                    if deadline is None
                    else min(_LOOK_AGAIN, deadline - time.monotonic())
                )
                if rest <= 0:
                    raise TimeoutError(f"task {self.id} was not ready within {timeout} s")
                ended.wait(rest)
        finally:
            for each in forget:
                each()

    wait = get

    @property
    def state(self) -> str:
        """Celery's name of the state; PENDING as well when nobody knows the task."""
        return _state_of(self._view(), self.app)

    status = state

    @property
    def result(self) -> Any:
        """The value, the exception, or what `update_state` told."""
        view = self._view()
        if view.job is None:
            return None
        if view.state == "completed":
            return _returned(view.job, self.app.accepted_results())
        if view.state == "failed":
            return _exception_of(view.job, view.job.failed_reason or "")
        return _own_state(view.job).get("meta")

    info = result

    @property
    def traceback(self) -> str | None:
        """The traceback of the last failure, as text."""
        job = self._view().job
        return job.stacktrace[-1] if job is not None and job.stacktrace else None

    def ready(self) -> bool:
        """Whether the task has ended."""
        return self.state in states.READY_STATES

    def successful(self) -> bool:
        """Whether it returned."""
        return self.state == states.SUCCESS

    def failed(self) -> bool:
        """Whether it failed for good."""
        return self.state == states.FAILURE

    def forget(self) -> None:
        """Take the job and its result away. A task that a worker is at stays."""
        for queue, job_id in self._places():
            if queue.get_state(job_id) in ("completed", "failed"):
                queue.remove(job_id)

    def revoke(self, terminate: bool = False, **options: Any) -> None:
        """Keep a task that has not started from running; `get` then raises `TaskRevokedError`.

        Args:
            terminate: accepted; a running task is not stopped by the pools there are now.
        """
        record = json.dumps(
            {
                "exc_type": "TaskRevokedError",
                "exc_module": TaskRevokedError.__module__,
                "exc_message": ["revoked"],
            }
        )
        for queue, job_id in self._places():
            try:
                queue.fail_waiting(job_id, "revoked", record)
            except (JobNotFound, WrongState):
                continue

    @property
    def name(self) -> str | None:
        """The task's name."""
        job = self._view().job
        return job.name if job is not None else None

    @property
    def retries(self) -> int:
        """How often it was retried."""
        job = self._view().job
        return max(0, job.attempts_made - 1) if job is not None else 0

    @property
    def queue(self) -> str | None:
        """The queue it was sent to."""
        job = self._view().job
        return job.queue_name if job is not None else self._queue

    @property
    def date_done(self) -> datetime.datetime | None:
        """When it ended."""
        job = self._view().job
        if job is None or job.finished_on is None:
            return None
        return datetime.datetime.fromtimestamp(job.finished_on / 1000, datetime.timezone.utc)

    def _job_ids(self) -> list[str]:
        """An id that needs an escape may belong to a job of Node, which has it as it is."""
        return list(dict.fromkeys((job_id_of(self.id), self.id)))

    def _places(self) -> list[tuple[Any, str]]:
        names = [self._queue] if self._queue else self.app.known_queues()
        return [(self.app.queue(name), job_id) for name in names for job_id in self._job_ids()]

    def _view(self) -> JobView:
        """The job, wherever it is, in one round trip."""
        for view in self.app.view_jobs(self._places()):
            if view.job is not None:
                self._queue = view.job.queue_name
                return view
        return JobView(None, "unknown")

    def _listen(self, listener: Callable[[Event], None]) -> list[Callable[[], None]]:
        names = [self._queue] if self._queue else self.app.known_queues()
        readers = [self.app.events(name) for name in names]
        return [reader.on(kind, listener) for reader in readers for kind in ("completed", "failed")]

    def _value(self, view: JobView, event: Event | None, propagate: bool) -> Any:
        job = view.job
        if view.state == "completed" and job is not None:
            return _returned(job, self.app.accepted_results())
        if view.state != "failed" and event is not None and event.name == "completed":
            return loads(
                event.fields.get("returnvalue", "null").encode(),
                event.value,
                self.app.accepted_results(),
            )
        reason = (event.fields.get("failedReason") if event else None) or (
            job.failed_reason if job else ""
        )
        error = _exception_of(job, reason or "")
        if propagate:
            raise error
        return error


class EagerResult:
    """The result of a task that ran here and now."""

    def __init__(
        self, id: str, value: Any, state: str, traceback: str | None = None, name: str | None = None
    ) -> None:
        self.id = self.task_id = id
        self.result = self.info = value
        self.state = self.status = state
        self.traceback = traceback
        self.name = name

    def get(self, timeout: float | None = None, propagate: bool = True, **options: Any) -> Any:
        """The value; raises what the task raised when `propagate`."""
        if self.state in states.PROPAGATE_STATES and propagate:
            raise self.result
        return self.result

    wait = get

    def ready(self) -> bool:
        """Always."""
        return True

    def successful(self) -> bool:
        """Whether it returned."""
        return self.state == states.SUCCESS

    def failed(self) -> bool:
        """Whether it raised."""
        return self.state == states.FAILURE

    def forget(self) -> None:
        """Nothing is stored."""

    def revoke(self, *args: Any, **options: Any) -> None:
        """It has run already."""
        self.state = self.status = states.REVOKED


def _returned(job: Job, accepted: Sequence[str] | None = None) -> Any:
    return loads(job.raw("returnvalue"), job.returnvalue, accepted)


def _own_state(job: Job) -> dict[str, Any]:
    progress = job.progress
    return progress if isinstance(progress, dict) and "state" in progress else {}


def _state_of(view: JobView, app: Celery) -> str:
    job = view.job
    if job is None:
        return states.PENDING
    if view.state == "completed":
        return states.SUCCESS
    if view.state == "failed":
        return (
            states.REVOKED if _record(job).get("exc_type") == "TaskRevokedError" else states.FAILURE
        )
    own = _own_state(job).get("state")
    if isinstance(own, str):
        return own
    if view.state == "active":
        task = app.tasks.get(job.name)
        tracked = task.track_started if task is not None else None
        return (
            states.STARTED
            if (app.conf.task_track_started if tracked is None else tracked)
            else states.PENDING
        )
    return states.RETRY if job.attempts_made and job.failed_reason is not None else states.PENDING


def _record(job: Job) -> dict[str, Any]:
    try:
        record = json.loads(job.exception or "{}")
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _exception_of(job: Job | None, reason: str) -> BaseException:
    """The exception that the task raised, as far as its class can be found; `JobFailed` for one of
    Node.
    """
    record = _record(job) if job is not None else {}
    name, module = record.get("exc_type"), record.get("exc_module", "builtins")
    job_id = job.id if job is not None else ""
    if not isinstance(name, str):
        return JobFailed(job_id, reason)
    args = record.get("exc_message") or []
    kind = _class_of(name, module)
    if kind is None:
        kind = type(name, (Exception,), {"__module__": module})
    try:
        return kind(*args)
    except Exception:
        return JobFailed(job_id, reason)


def _class_of(name: str, module: Any) -> type[BaseException] | None:
    """Only classes of exceptions are ever called, whatever a record says."""
    try:
        found: Any = builtins if module == "builtins" else importlib.import_module(str(module))
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError):
        return None
    return found if isinstance(found, type) and issubclass(found, BaseException) else None
