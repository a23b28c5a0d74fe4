"""``app.backend``: for code that looks at results by their ids, or stores one by hand. The job of a
task is its result. What is stored for an id without a job stands where Celery stores it and as
Celery does, so that old readers find it, and results of old workers are found here.
"""

from __future__ import annotations

import contextlib
import datetime
import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bullrush.core import clock
from bullrush.core.calls import Batch, Call, Command, run
from bullrush.core.drivers import open_client
from bullrush.core.errors import JobNotFound, WrongState
from bullrush.core.event_stream import said
from bullrush.core.private_keys import strays_of

from .. import states
from ..exceptions import TaskRevokedError, TimeoutError
from ..failures import exception_of, read_record, record_of, storable_exception, told_state
from ..ids import job_id_of
from ..result.looking import group_key, look, result_key, view
from ..result.meta import UNKNOWN, JobMeta, Meta
from ..result.trees import result_from_tuple
from ..serialization import dumps, packed_record

if TYPE_CHECKING:
    from ..app.base import Celery


class Backend:
    """What an application knows of results.

    Args:
        app: the application.
        url: accepted; results are where the jobs are.
    """

    READY_STATES = states.READY_STATES
    UNREADY_STATES = states.UNREADY_STATES
    EXCEPTION_STATES = states.EXCEPTION_STATES
    TimeoutError = TimeoutError
    supports_native_join = True
    supports_autoexpire = True
    persistent = True

    def __init__(self, app: Celery, url: str | None = None, **options: Any) -> None:
        self.app = app

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.as_uri()}>"

    def as_uri(self, include_password: bool = False) -> str:
        """Where the results are."""
        driver = self.app.driver
        return driver.url if include_password else driver.location

    @cached_property
    def client(self) -> Any:
        """A client of redis-py for the application's Redis, for locks and keys of your own. It has
        connections of its own.
        """
        driver = self.app.driver
        return open_client(driver.url or driver.location)

    @property
    def task_keyprefix(self) -> str:
        """What the key of a result begins with."""
        return result_key(self.app, "")

    @property
    def group_keyprefix(self) -> str:
        """What the key of a saved group begins with."""
        return group_key(self.app, "")

    @property
    def expires(self) -> int | None:
        """s for which results are kept; None for ever."""
        value = self.app.conf.result_expires
        if isinstance(value, datetime.timedelta):
            value = value.total_seconds()
        return int(value) if value else None

    def _meta(self, task_id: str) -> Meta:
        return view(self.app, self.app.AsyncResult(task_id))

    def get_task_meta(self, task_id: str, cache: bool = True) -> dict[str, Any]:
        """All that is known of a task: ``status``, ``result``, ``traceback``, ``children``,
        ``date_done``, ``task_id`` and more.
        """
        return self._meta(task_id).as_dict(task_id)

    def get_state(self, task_id: str) -> str:
        """The state; PENDING for an id that nobody knows."""
        return self._meta(task_id).status

    get_status = get_state

    def get_result(self, task_id: str) -> Any:
        """The value, the exception, or what `store_result` was given."""
        return self._meta(task_id).result

    def get_traceback(self, task_id: str) -> str | None:
        """The traceback, as text."""
        return self._meta(task_id).traceback

    def get_children(self, task_id: str) -> Any:
        """The tasks that it sent, as plain data; None when there are none."""
        return self._meta(task_id).children

    def task_result_exists(self, task_id: str) -> bool:
        """Whether anything is stored for the id."""
        return look(self.app, [self.app.AsyncResult(task_id)])[0] is not UNKNOWN

    def get_many(self, task_ids: Any, timeout: float | None = None, **options: Any) -> Any:
        """``(id, meta)`` of each task as it ends. See `ResultSet.iter_native`."""
        results = self.app.ResultSet([self.app.AsyncResult(each) for each in task_ids])
        return results.iter_native(timeout=timeout)

    def wait_for(self, task_id: str, timeout: float | None = None, **options: Any) -> Any:
        """The meta of a task once it has ended.

        Raises:
            TimeoutError: not in time.
        """
        return next(iter(self.get_many([task_id], timeout)))[1]

    def get_key_for_task(self, task_id: str, key: str = "") -> bytes:
        """Where Celery stores the result of a task; here only that of an id without a job."""
        return (result_key(self.app, task_id) + key).encode()

    def get_key_for_group(self, group_id: str, key: str = "") -> bytes:
        """Where the ids of a saved group are."""
        return (group_key(self.app, group_id) + key).encode()

    def store_result(
        self,
        task_id: str,
        result: Any,
        state: str | None,
        traceback: str | None = None,
        request: Any = None,
        **options: Any,
    ) -> Any:
        """Store a state and what belongs to it under an id.

        A job that has not ended shows them until it ends; one that has ended keeps how it did.
        Without a job they are stored as Celery does, for ``result_expires``; a SUCCESS that is
        stored is not overwritten.

        Args:
            result: the value, an exception for FAILURE, RETRY and REVOKED, or any data.
            request: the request of the run; its queue is asked first.

        Returns:
            `result`.

        Raises:
            ValueError: no id.
            UnserializableArgument: `result` has no JSON form.
        """
        if not task_id:
            raise ValueError(f"task_id must not be empty. Got {task_id} instead.")
        stored = storable_exception(result)
        found = self.app.AsyncResult(task_id)
        meta = look(self.app, [found])[0]
        if isinstance(meta, JobMeta):
            if meta.job.finished_on is None:
                own = told_state(state, result, traceback)
                self.app.queue(meta.job.queue_name).update_progress(meta.job.id, own)
        elif meta.status != states.SUCCESS:
            extended = bool(self.app.conf.result_extended)
            self._store(task_id, _record(task_id, stored, state, traceback, request, extended))
        return result

    def _store(self, task_id: str, record: dict[str, Any]) -> None:
        key = result_key(self.app, task_id)
        text = packed_record(dumps(record, "the result"), self.app.conf.result_compression)
        expiry = ("EX", self.expires) if self.expires else ()
        commands: list[Command] = [("SET", key, text, *expiry), ("PUBLISH", key, text)]
        if record["status"] in states.READY_STATES:
            commands += said(strays_of(self.app.prefix).events, "completed", job_id_of(task_id))
        run(self.app.driver, Batch([Call(each, _unread) for each in commands], list))

    def mark_as_started(self, task_id: str, **meta: Any) -> Any:
        """See `store_result`."""
        return self.store_result(task_id, meta, states.STARTED)

    def mark_as_done(
        self,
        task_id: str,
        result: Any,
        request: Any = None,
        store_result: bool = True,
        state: str = states.SUCCESS,
    ) -> None:
        """See `store_result`."""
        if store_result:
            self.store_result(task_id, result, state, request=request)

    def mark_as_failure(
        self,
        task_id: str,
        exc: BaseException,
        traceback: str | None = None,
        request: Any = None,
        store_result: bool = True,
        call_errbacks: bool = True,
        state: str = states.FAILURE,
    ) -> None:
        """See `store_result`. Callbacks of errors are called by workers alone."""
        if store_result:
            self.store_result(task_id, exc, state, traceback=traceback, request=request)

    def mark_as_retry(
        self,
        task_id: str,
        exc: BaseException,
        traceback: str | None = None,
        request: Any = None,
        store_result: bool = True,
        state: str = states.RETRY,
    ) -> Any:
        """See `store_result`."""
        return self.store_result(task_id, exc, state, traceback=traceback, request=request)

    def mark_as_revoked(
        self,
        task_id: str,
        reason: str = "",
        request: Any = None,
        store_result: bool = True,
        state: str = states.REVOKED,
    ) -> None:
        """See `store_result`."""
        if store_result:
            self.store_result(task_id, TaskRevokedError(reason), state, request=request)

    def forget(self, task_id: str, queue: str | None = None) -> None:
        """Take away what is stored of a task. A job that has not ended stays."""
        found = self.app.AsyncResult(task_id, queue=queue)
        meta = look(self.app, [found])[0]
        if isinstance(meta, JobMeta):
            job = meta.job
            if job.finished_on is not None:
                # It may run again, or somebody was quicker.
                with contextlib.suppress(JobNotFound, WrongState):
                    self.app.queue(job.queue_name).remove(job.id)
        self.app.driver.execute(("DEL", result_key(self.app, task_id)))

    def delete(self, key: Any) -> None:
        """Take a key away."""
        self.app.driver.execute(("DEL", key))

    def get(self, key: Any) -> Any:
        """The bytes at a key, or None."""
        return self.app.driver.execute(("GET", key))

    def set(self, key: Any, value: Any) -> None:
        """Store text at a key for ``result_expires``."""
        expiry = ("EX", self.expires) if self.expires else ()
        self.app.driver.execute(("SET", key, value, *expiry))

    def save_group(self, group_id: str, result: Any) -> Any:
        """Store the ids of a group, as Celery does."""
        self.set(group_key(self.app, group_id), json.dumps({"result": result.as_tuple()}))
        return result

    def restore_group(self, group_id: str, cache: bool = True) -> Any:
        """The group that was saved under that id, or None."""
        raw = self.get(group_key(self.app, group_id))
        return result_from_tuple(json.loads(raw)["result"], self.app) if raw else None

    def delete_group(self, group_id: str) -> None:
        """Take away what `save_group` stored."""
        self.delete(group_key(self.app, group_id))

    def exception_to_python(self, exc: Any) -> BaseException | None:
        """The exception that a stored record tells of; see `failures.exception_of`."""
        return None if exc is None else exception_of(exc)

    def prepare_exception(self, exc: BaseException, serializer: str | None = None) -> Any:
        """The record that is stored for an exception."""
        return read_record(record_of(exc))

    def cleanup(self) -> None:
        """Nothing: Redis and the workers take away what has expired."""

    def process_cleanup(self) -> None:
        """Nothing: connections are closed with the application."""


class DisabledBackend(Backend):
    """Where Celery keeps no results. No application has it here: the job is the result."""


#: Celery's names of the classes that backends are derived from.
BaseBackend = KeyValueStoreBackend = Backend


def _unread(reply: Any) -> None:
    """What Redis says to it does not matter."""


def _record(
    task_id: str,
    result: Any,
    state: str | None,
    traceback: str | None,
    request: Any,
    extended: bool,
) -> dict[str, Any]:
    ready = state in states.READY_STATES
    record = {
        "status": state,
        "result": result,
        "traceback": traceback,
        "children": [],
        "date_done": clock.now().isoformat() if ready else None,
        "task_id": task_id,
    }
    for name, kept in (("group", "group_id"), ("parent_id", "parent_id")):
        if getattr(request, name, None):
            record[kept] = getattr(request, name)
    if extended and request is not None:
        record["name"] = request.task
        record["args"], record["kwargs"] = list(request.args or ()), dict(request.kwargs or {})
        record["worker"], record["retries"] = request.hostname, request.retries
        record["queue"] = (request.delivery_info or {}).get("routing_key")
    return record
