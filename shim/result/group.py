"""The results of several tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .. import _state, states
from .awaiting import until_ready
from .base import ResultBase
from .blocking import assert_will_not_block
from .looking import look
from .meta import Meta
from .promises import Promise
from .revoking import Revoking
from .single import AsyncResult
from .waiting import Patience, ends

if TYPE_CHECKING:
    from ..app.base import Celery

Results = Iterable[Any]


class ResultSet(Revoking, ResultBase):
    """The results of several tasks, in an order.

    Args:
        results: the results, which may be groups themselves.
        app: the application; else that of the first result, else the current one.
        ready_barrier: accepted.
    """

    _app: Celery | None = None
    _promise: Promise | None = None

    def __init__(
        self,
        results: Results | None,
        app: Celery | None = None,
        ready_barrier: Any = None,
        **options: Any,
    ) -> None:
        self._app = app or self._app
        self.results: list[Any] = list(results or ())

    @property
    def app(self) -> Celery:
        """The application."""
        if self._app is None:
            first = self.results[0] if self.results else None
            self._app = getattr(first, "app", None) or _state.find_current()
        return self._app

    @app.setter
    def app(self, app: Celery) -> None:
        self._app = app

    @property
    def backend(self) -> Any:
        """What stores results."""
        return self.app.backend

    @property
    def supports_native_join(self) -> bool:
        """Always: all are waited for at once."""
        return True

    def add(self, result: Any) -> None:
        """Add a result, unless it is there."""
        if result not in self.results:
            self.results.append(result)
            self._promise = None if self._promise is None or self._promise.ready else self._promise

    def remove(self, result: Any) -> None:
        """Take a result, or the one of that id, out.

        Raises:
            KeyError: it is not there.
        """
        try:
            self.results.remove(result)
        except ValueError:
            raise KeyError(result) from None

    def discard(self, result: Any) -> None:
        """Take a result out, if it is there."""
        if result in self.results:
            self.results.remove(result)

    def update(self, results: Results) -> None:
        """Add those that are not there."""
        known = set(self.results)
        for each in results:
            if each not in known:
                known.add(each)
                self.results.append(each)

    def clear(self) -> None:
        """Take all out."""
        self.results.clear()

    def _tasks(self) -> list[AsyncResult]:
        """The results of single tasks, in order, also of groups in it."""
        tasks = list[AsyncResult]()
        for each in self.results:
            tasks += each._tasks() if isinstance(each, ResultSet) else [each]
        return tasks

    def _metas(self) -> list[Meta]:
        """What is known of each task, in as few round trips as it takes."""
        tasks = self._tasks()
        unknown = [each for each in tasks if each._cache is None]
        if unknown:
            found = dict(zip(map(id, unknown), look(self.app, unknown), strict=True))
            for each in unknown:
                if found[id(each)].ready:
                    each._keep(found[id(each)])
            return [found.get(id(each)) or each._read() for each in tasks]
        return [each._read() for each in tasks]

    def ready(self) -> bool:
        """Whether all have ended."""
        return all(meta.ready for meta in self._metas())

    def successful(self) -> bool:
        """Whether all have returned."""
        return all(meta.status == states.SUCCESS for meta in self._metas())

    def failed(self) -> bool:
        """Whether any has failed."""
        return any(meta.status == states.FAILURE for meta in self._metas())

    def waiting(self) -> bool:
        """Whether any has not ended."""
        return not self.ready()

    def completed_count(self) -> int:
        """How many have returned."""
        return sum(meta.status == states.SUCCESS for meta in self._metas())

    def maybe_throw(
        self, callback: Callable[[str, Any], Any] | None = None, propagate: bool = True
    ) -> None:
        """Raise what the first task that failed raised."""
        for each in self.results:
            each.maybe_throw(callback=callback, propagate=propagate)

    maybe_reraise = maybe_throw

    def get(
        self,
        timeout: float | None = None,
        propagate: bool = True,
        interval: float = 0.5,
        callback: Callable[[str, Any], Any] | None = None,
        no_ack: bool = True,
        on_message: Callable[[dict[str, Any]], Any] | None = None,
        disable_sync_subtasks: bool = True,
        on_interval: Callable[[], Any] | None = None,
    ) -> Any:
        """All values in order, as soon as all are ready.

        Args:
            timeout: s for all together; None for as long as it takes.
            propagate: raise what the first task that fails raises; else its place in the list has
                the exception.
            callback: called with the id and the value of each task as it ends; then None is
                returned.
            Others: as `AsyncResult.get`.

        Raises:
            TimeoutError: not all are ready in time.
            RuntimeError: called within a task.
            Exception: what a task raised.
        """
        if disable_sync_subtasks:
            assert_will_not_block()
        if not self.results:
            return []
        patience = Patience(timeout, interval, on_interval, on_message)
        tasks = self._tasks()
        for each in self._as_they_end(tasks, patience):
            if propagate or callback is not None:
                each.maybe_throw(propagate, callback)
        return None if callback is not None else self._values()

    join_native = get

    def join(
        self,
        timeout: float | None = None,
        propagate: bool = True,
        interval: float = 0.5,
        callback: Callable[[str, Any], Any] | None = None,
        no_ack: bool = True,
        on_message: Callable[[dict[str, Any]], Any] | None = None,
        disable_sync_subtasks: bool = True,
        on_interval: Callable[[], Any] | None = None,
    ) -> list[Any]:
        """As `get`, but failures are raised and callbacks called in the order of the results; with
        `callback` the list is empty. Of a chord whose header failed, the task's own error is raised
        and no ChordError, as by `AsyncResult.get`.
        """
        if disable_sync_subtasks:
            assert_will_not_block()
        patience = Patience(timeout, interval, on_interval, on_message)
        tasks = self._tasks()
        ended = self._as_they_end(tasks, patience)
        for task in tasks:
            while task._cache is None:
                next(ended)
            if propagate:
                task._throw_of_parents()
            if propagate or callback is not None:
                task.maybe_throw(propagate, callback)
        return [] if callback is not None else self._values()

    def _as_they_end(self, tasks: list[AsyncResult], patience: Patience) -> Iterator[AsyncResult]:
        open_ones = list[AsyncResult]()
        for each in tasks:
            if each._cache is not None:
                yield each
            elif not each.ignored:
                open_ones.append(each)
        if open_ones:
            for each, _ in ends(self.app, open_ones, patience):
                yield each

    def _values(self) -> list[Any]:
        return [
            each._values() if isinstance(each, ResultSet) else None if each.ignored else each.result
            for each in self.results
        ]

    def iter_native(
        self,
        timeout: float | None = None,
        interval: float = 0.5,
        no_ack: bool = True,
        on_message: Callable[[dict[str, Any]], Any] | None = None,
        on_interval: Callable[[], Any] | None = None,
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """``(id, meta)`` of each task as it ends; `meta` is a dict with at least ``status`` and
        ``result``. Arguments as `get`.
        """
        patience = Patience(timeout, interval, on_interval, on_message)
        for each in self._as_they_end(self._tasks(), patience):
            yield each.id, each._read().as_dict(each.id)

    async def aget(self, timeout: float | None = None, propagate: bool = True) -> list[Any]:
        """As `get`, for coroutines: the event loop goes on meanwhile."""
        tasks = [each for each in self._tasks() if not each.ignored]
        await until_ready(tasks, timeout)
        for each in tasks if propagate else ():
            each.maybe_throw()
        return self._values()

    def then(
        self, callback: Callable[[Any], Any], on_error: Any = None, weak: bool = False
    ) -> Promise:
        """Call `callback` with this result once all have ended. Arguments as `AsyncResult.then`."""
        if self._promise is None:
            self._promise = promise = Promise()
            open_ones = set(map(id, self._tasks()))

            def ended(result: AsyncResult) -> None:
                open_ones.discard(id(result))
                if not open_ones:
                    promise.keep(self)

            for each in self._tasks():
                each.then(ended)
            if not self.results:
                promise.keep(self)
        return self._promise.then(callback, on_error)

    def forget(self) -> None:
        """Take away what is stored of every task."""
        for each in self.results:
            each.forget()

    def _ids_to_revoke(self) -> list[str]:
        return [each.id for each in self._tasks()]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, index: Any) -> Any:
        return self.results[index]

    def __eq__(self, other: object) -> bool:
        return other.results == self.results if isinstance(other, ResultSet) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: [{', '.join(str(each.id) for each in self.results)}]>"


class GroupResult(ResultSet):
    """The result of a group.

    Args:
        id: of the group.
        results: the results of its members, in order.
        parent: the result of the step before the group.
        app: the application.
    """

    def __init__(
        self,
        id: str | None = None,
        results: Results | None = None,
        parent: ResultBase | None = None,
        **options: Any,
    ) -> None:
        self.id = id
        self.parent = parent
        super().__init__(results, **options)

    @property
    def children(self) -> list[Any]:
        """The results of its members."""
        return self.results

    def as_tuple(self) -> tuple[Any, Any]:
        """``((id, tuple of the parent or None), [tuples of the members])``."""
        parent = self.parent
        return (
            (self.id, parent.as_tuple() if parent is not None else None),
            [each.as_tuple() for each in self.results],
        )

    def save(self, backend: Any = None) -> GroupResult:
        """Store the ids under that of the group, for `restore`; for ``result_expires``."""
        (backend or self.backend).save_group(self.id, self)
        return self

    def delete(self, backend: Any = None) -> None:
        """Take away what `save` stored."""
        (backend or self.backend).delete_group(self.id)

    @classmethod
    def restore(cls, id: str, backend: Any = None, app: Celery | None = None) -> Any:
        """The group that was saved under that id, or None."""
        app = app or cls._app or _state.find_current()
        return (backend or app.backend).restore_group(id)

    def __bool__(self) -> bool:
        return bool(self.id or self.results)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, GroupResult):
            same = (other.id, other.results, other.parent) == (self.id, self.results, self.parent)
            return same
        return other == self.id if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(self.id)

    def __reduce__(self) -> Any:
        return _unpickled, (self.id, self.results, self.parent)

    def __str__(self) -> str:
        return str(self.id)

    def __repr__(self) -> str:
        ids = ", ".join(str(each.id) for each in self.results)
        return f"<{type(self).__name__}: {self.id} [{ids}]>"


def _unpickled(id: str, results: list[Any], parent: ResultBase | None) -> GroupResult:
    return GroupResult(id, results, parent)
