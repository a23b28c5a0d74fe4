"""The result of one task."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from bullrush.core import Event

from .. import _state, states
from ..exceptions import TimeoutError
from .awaiting import until_ready
from .base import ResultBase
from .blocking import about_to_wait, assert_will_not_block, watchers
from .facts import Facts
from .looking import job_ids_of, look, view
from .meta import EndMeta, InheritedMeta, Meta
from .promises import Promise
from .revoking import Revoking
from .waiting import Patience, ends
from .walking import Walking

if TYPE_CHECKING:
    from ..app.base import Celery
    from .endings import Endings


class AsyncResult(Walking, Facts, Revoking, ResultBase):
    """What became, or will become, of a task.

    Args:
        id: the task id.
        backend: accepted; the one of `app` is used.
        task_name: accepted; the job knows its name.
        app: the application; the current one when not given.
        parent: the result of the step before it.
        queue: the queue of the task when it is known, else all that the application knows are
            asked.
        ignored: whether no result is kept.
        mark: for the application, that has just made the id and sent the task: how many ends its
            reader had seen before (`Celery.mark_of`).

    Raises:
        ValueError: no id.
    """

    TimeoutError = TimeoutError
    id: str
    app: Celery = None  # type: ignore[assignment]
    _cache: Meta | None = None
    _promise: Promise | None = None
    _known_ids: tuple[str, ...] | None = None
    #: Whether the id was just made, for a task that is about to be sent: see `mark`.
    _new = False

    def __init__(
        self,
        id: str,
        backend: Any = None,
        task_name: str | None = None,
        app: Celery | None = None,
        parent: ResultBase | None = None,
        *,
        queue: str | None = None,
        ignored: bool = False,
        mark: int | None = None,
    ) -> None:
        if id is None:
            raise ValueError(f"AsyncResult requires valid id, not {type(id)}")
        self.id = id
        if app is not None or self.app is None:
            self.app = app or (backend.app if backend is not None else _state.find_current())
        self.parent = parent
        self.ignored = ignored
        self._queue = queue
        self._mark = mark

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.id}>"

    def __str__(self) -> str:
        return str(self.id)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, AsyncResult):
            return bool(other.id == self.id)
        return other == self.id if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    def __copy__(self) -> AsyncResult:
        return type(self)(**self._arguments())

    def __reduce__(self) -> Any:
        return _unpickled, (self.id, self.parent, self._queue, self.ignored)

    def _arguments(self) -> dict[str, Any]:
        own = {"id": self.id, "app": self.app, "parent": self.parent, "mark": self._mark}
        return own | {"queue": self._queue, "ignored": self.ignored}

    @property
    def task_id(self) -> str:
        """The task id."""
        return self.id

    @task_id.setter
    def task_id(self, id: str) -> None:
        self.id = id

    @property
    def backend(self) -> Any:
        """What stores results; see `bullrush.backends.base.Backend`."""
        return self.app.backend

    @property
    def supports_native_join(self) -> bool:
        """Always: many results are waited for at once."""
        return True

    def get(
        self,
        timeout: float | None = None,
        propagate: bool = True,
        interval: float = 0.5,
        no_ack: bool = True,
        follow_parents: bool = True,
        callback: Callable[[str, Any], Any] | None = None,
        on_message: Callable[[dict[str, Any]], Any] | None = None,
        on_interval: Callable[[], Any] | None = None,
        disable_sync_subtasks: bool = True,
        EXCEPTION_STATES: Iterable[str] = states.EXCEPTION_STATES,
        PROPAGATE_STATES: Iterable[str] = states.PROPAGATE_STATES,
    ) -> Any:
        """The value, as soon as the task is ready.

        Args:
            timeout: s to wait; None for as long as it takes, 0 to ask once. The value of an ignored
                result is None at once.
            propagate: raise what the task raised; else return it.
            interval: s between two calls of `on_interval`; nothing is polled.
            no_ack: accepted; without effect on Redis.
            follow_parents: raise what a parent failed with, as soon as that is known.
            callback: called with the id and the value.
            on_message: called with the meta when the task ends while it is waited for.
            on_interval: called now and then while it is waited for.
            disable_sync_subtasks: refuse to wait within a task.
            EXCEPTION_STATES, PROPAGATE_STATES: accepted; without effect, as in Celery.

        Raises:
            TimeoutError: it is not ready in time. It is `bullrush.exceptions.TimeoutError`.
            RuntimeError: called within a task.
            Exception: what the task raised.
        """
        if self.ignored:
            return None
        if disable_sync_subtasks:
            assert_will_not_block()
        if watchers and self._cache is None:
            about_to_wait()
        patience = Patience(timeout, interval, on_interval, on_message)
        self._wait(patience, self._open_parents() if propagate and follow_parents else [])
        return self.maybe_throw(propagate, callback)

    wait = get

    def _open_parents(self) -> list[AsyncResult]:
        """The tasks before it that are not known to have ended. Those that have failed raise."""
        tasks = list[AsyncResult]()
        for parent in self._parents():
            own = parent._tasks() if hasattr(parent, "_tasks") else [parent]
            tasks += [each for each in own if isinstance(each, AsyncResult)]
        for each in reversed(tasks):
            if each._cache is not None:
                each.maybe_throw()
        return [each for each in tasks if each._cache is None]

    def _wait(self, patience: Patience, parents: list[AsyncResult]) -> None:
        if self._cache is not None and not parents:
            return
        failed = list[AsyncResult]()
        for each, meta in ends(self.app, [*reversed(parents), self], patience):
            if each is self:
                break
            if meta.status in states.PROPAGATE_STATES:
                failed.append(each)
                break
        known = self._cache
        if not failed and known is not None and known.status in states.PROPAGATE_STATES and parents:
            failed = self._failed_among(parents)
        for each in failed:
            self._inherit(each)
            each.maybe_throw()

    def _inherit(self, failed: AsyncResult) -> None:
        """A step of a chain fails as the one before it, as soon as a worker takes it; whoever has
        been told of that need not see it wait.
        """
        heirs, node = list[AsyncResult](), self
        while node is not failed:
            heirs.append(node)
            if not isinstance(node.parent, AsyncResult):
                return  # a chord fails in its own way
            node = node.parent
        for each in heirs:
            if each._cache is None:
                each._keep(InheritedMeta(failed))

    def _throw_of_parents(self) -> None:
        """Raise what a parent failed with, when it has failed itself."""
        if self._cache is not None and self._cache.status in states.PROPAGATE_STATES:
            for each in self._failed_among(self._open_parents()):
                each.maybe_throw()

    def _failed_among(self, parents: list[AsyncResult]) -> list[AsyncResult]:
        open_ones = [each for each in parents if each._cache is None]
        for each, meta in zip(open_ones, look(self.app, open_ones), strict=True):
            if meta.ready:
                each._keep(meta)
        ended = [each for each in reversed(parents) if each._cache is not None]
        return [each for each in ended if each.state in states.PROPAGATE_STATES]

    def _job_ids(self) -> tuple[str, ...]:
        """The ids that its job may have."""
        if self._known_ids is None:
            self._known_ids = job_ids_of(self.id)
        return self._known_ids

    def _get_task_meta(self) -> dict[str, Any]:
        """Everything at once, as a dict; packages that show progress read Celery's own."""
        return self._read().as_dict(self.id)

    def _read(self) -> Meta:
        """All that is known; asked for once when the task has ended."""
        if self._cache is not None:
            return self._cache
        meta = self._look_anew()
        if meta.ready:
            self._keep(meta)
        return meta

    def _look_anew(self) -> Meta:
        conf = self.app.conf
        if conf.task_always_eager and not conf.task_store_eager_result:
            text = "with task_always_eager nothing is stored that could be read by an id; see "
            warnings.warn(f"{text}task_store_eager_result", RuntimeWarning, stacklevel=4)
        return view(self.app, self)

    def _more(self) -> Meta:
        """All that is known, also when an event told of the end alone."""
        cache = self._cache
        if cache is None or cache.complete:
            return self._read()
        meta = self._look_anew()
        if meta.ready:
            self._cache = meta
            return meta
        return cache

    def _keep(self, meta: Meta) -> None:
        self._cache = meta
        if self._promise is not None:
            self._promise.keep(self)

    @property
    def state(self) -> str:
        """Celery's name of the state; PENDING as well when nobody knows the task."""
        return self._read().status

    status = state

    @property
    def result(self) -> Any:
        """The value, the exception, or what `update_state` told."""
        return self._read().result

    info = result

    @property
    def traceback(self) -> str | None:
        """The traceback of the last failure, as text."""
        return self._more().traceback

    def ready(self) -> bool:
        """Whether the task has ended."""
        return self.state in states.READY_STATES

    def successful(self) -> bool:
        """Whether it returned."""
        return self.state == states.SUCCESS

    def failed(self) -> bool:
        """Whether it failed for good."""
        return self.state == states.FAILURE

    def exists(self) -> bool:
        """Whether anything is stored for the id."""
        return bool(self.backend.task_result_exists(self.id))

    def maybe_throw(
        self, propagate: bool = True, callback: Callable[[str, Any], Any] | None = None
    ) -> Any:
        """Raise what the task raised, if it has failed; else give what `result` gives.

        Args:
            propagate: False: give the exception instead.
            callback: called with the id and the value.
        """
        meta = self._read()
        value = meta.result
        if propagate and meta.status in states.PROPAGATE_STATES:
            self.throw(value)
        if callback is not None:
            callback(self.id, value)
        return value

    maybe_reraise = maybe_throw

    def throw(self, *args: Any, **kwargs: Any) -> Any:
        """Raise the exception given."""
        error = args[0]
        raise error if isinstance(error, BaseException) else Exception(error)

    def then(
        self, callback: Callable[[Any], Any], on_error: Any = None, weak: bool = False
    ) -> Promise:
        """Call `callback` with this result once the task has ended, in the thread that learns of it
        first: one in `get`, or the reader of the queue's events.

        Args:
            on_error: called with an exception that `callback` raised.
            weak: accepted; the callback is kept.
        """
        return self._promised().then(callback, on_error)

    def _promised(self) -> Promise:
        if self._promise is None:
            self._promise = Promise()
            if self._cache is not None:
                self._promise.keep(self)
            elif not self.ready():
                self._listen_for_promise()
        return self._promise

    def _listen_for_promise(self) -> None:
        """The application holds on to this result until its task has ended."""
        for each in self._endings():
            each.add(self, self._job_ids())
        self.ready()  # it may have ended meanwhile

    def _endings(self) -> list[Endings]:
        return [self.app.endings(self._queue)] if self._queue else self.app.everywhere()

    def tell(self, event: Event) -> None:
        """For the reader of the events: the task has ended."""
        for each in self._endings():
            each.remove(self, self._job_ids())
        if self._mark is not None and "returnvalue" in event.fields:
            self._keep(EndMeta(event, self.app))
        else:
            self.ready()

    def forget(self) -> None:
        """Take away what is stored of the task, and of its parents. A task that a worker is at
        stays.
        """
        self._cache = None
        if self.parent is not None:
            self.parent.forget()
        self.backend.forget(self.id, queue=self._queue)

    def _ids_to_revoke(self) -> str:
        return self.id

    async def aget(self, timeout: float | None = None, propagate: bool = True) -> Any:
        """As `get`, for coroutines: the event loop goes on meanwhile, and tasks may use it."""
        if self.ignored:
            return None
        await until_ready([self], timeout)
        return self.maybe_throw(propagate)


def _unpickled(id: str, parent: ResultBase | None, queue: str | None, ignored: bool) -> AsyncResult:
    return AsyncResult(id, parent=parent, queue=queue, ignored=ignored)
