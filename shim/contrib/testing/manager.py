"""Waiting for what a test expects of workers and results."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

from ...app.base import Celery
from ...exceptions import TimeoutError
from ...result import AsyncResult, ResultSet

T = TypeVar("T")

E_STILL_WAITING = "Still waiting for {0}.  Trying again {when}: {exc!r}"


class Sentinel(Exception):
    """Raised by a function of `Manager.wait_for` that has not seen what it waits for."""


class ManagerMixin:
    """What `Manager` can do, for classes that have an ``app``."""

    #: A `Celery`, or what stands for one.
    app: Any

    def _init_manager(self, block_timeout: float = 30 * 60.0, no_join: bool = False) -> None:
        self.block_timeout, self.no_join = block_timeout, no_join

    def wait_for(
        self,
        fun: Callable[..., T],
        catch: Sequence[type[BaseException]] = (),
        desc: str = "thing",
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        errback: Callable[..., Any] | None = None,
        max_retries: int = 10,
        interval_start: float = 0.1,
        interval_step: float = 0.5,
        interval_max: float = 5.0,
        emit_warning: bool = False,
        **options: Any,
    ) -> T:
        """Call a function until it raises none of `catch`.

        Args:
            max_retries: how often it is tried again.
            interval_start, interval_step, interval_max: s between two tries.

        Raises:
            The last exception, when there are no more tries.
        """
        pause, expected = interval_start, tuple(catch) or (Sentinel,)
        for _ in range(max_retries):
            try:
                return fun(*args, **kwargs or {})
            except expected as exc:
                if errback is not None:
                    errback(exc, pause, max_retries)
                time.sleep(pause)
                pause = min(pause + interval_step, interval_max)
        return fun(*args, **kwargs or {})

    def ensure_not_for_a_while(
        self,
        fun: Callable[..., Any],
        catch: Sequence[type[BaseException]],
        desc: str = "thing",
        max_retries: int = 20,
        interval_start: float = 0.1,
        interval_step: float = 0.02,
        interval_max: float = 1.0,
        emit_warning: bool = False,
        **options: Any,
    ) -> None:
        """Call a function often: each call must raise one of `catch`.

        Raises:
            AssertionError: it once raised none of them.
        """
        pause = interval_start
        for _ in range(max_retries):
            try:
                fun()
            except tuple(catch):
                time.sleep(pause)
                pause = min(pause + interval_step, interval_max)
            else:
                raise AssertionError(f"Should not have happened: {desc}")

    def join(
        self,
        r: AsyncResult | ResultSet,
        propagate: bool = False,
        max_retries: int = 10,
        **kwargs: Any,
    ) -> Any:
        """The value of a result, waiting `max_retries` times for it.

        Args:
            **kwargs: what ``get`` takes; ``timeout`` (s, 10 when not given) holds for each try.

        Raises:
            TimeoutError: it did not come.
        """
        if self.no_join:
            return None
        kwargs.setdefault("timeout", 10)
        for left in reversed(range(max_retries)):
            try:
                return r.get(propagate=propagate, disable_sync_subtasks=False, **kwargs)
            except TimeoutError:
                if not left:
                    raise
        return None

    def inspect(self, timeout: float = 3.0) -> Any:
        """What asks the workers."""
        return self.app.control.inspect(timeout=timeout)

    def query_tasks(self, ids: Iterable[str], timeout: float = 0.5) -> Iterable[Any]:
        """What each worker knows of these tasks."""
        yield from (self.inspect(timeout).query_task(list(ids)) or {}).items()

    def query_task_states(self, ids: Iterable[str], timeout: float = 0.5) -> dict[str, set[str]]:
        """Ids of tasks by the state in which workers have them."""
        states: dict[str, set[str]] = {}
        for _, reply in self.query_tasks(ids, timeout):
            for task_id, (state, _) in reply.items():
                states.setdefault(state, set()).add(task_id)
        return states

    def assert_accepted(
        self, ids: Iterable[str], interval: float = 0.5, desc: str = "", **policy: Any
    ) -> Any:
        """Wait until workers run all of these tasks."""
        return self.assert_task_worker_state(self.is_accepted, ids, interval, desc, **policy)

    def assert_received(
        self, ids: Iterable[str], interval: float = 0.5, desc: str = "", **policy: Any
    ) -> Any:
        """Wait until workers have all of these tasks."""
        return self.assert_task_worker_state(self.is_received, ids, interval, desc, **policy)

    def assert_task_worker_state(
        self,
        fun: Callable[..., bool],
        ids: Iterable[str],
        interval: float = 0.5,
        desc: str = "",
        **policy: Any,
    ) -> Any:
        """Wait until that function of the ids says so."""
        policy.setdefault("max_retries", 120)
        return self.wait_for(
            self.true_or_raise,
            (Sentinel,),
            desc or "tasks",
            args=(fun, list(ids)),
            interval_start=interval,
            interval_step=0,
            **policy,
        )

    def is_received(self, ids: Collection[str], **kwargs: Any) -> bool:
        """Whether workers have all of them."""
        return self._ids_matches_state(["reserved", "active", "ready"], ids, **kwargs)

    def is_accepted(self, ids: Collection[str], **kwargs: Any) -> bool:
        """Whether workers run all of them, or have run them."""
        return self._ids_matches_state(["active", "ready"], ids, **kwargs)

    def _ids_matches_state(
        self, expected: Sequence[str], ids: Collection[str], timeout: float = 0.5
    ) -> bool:
        states = self.query_task_states(ids, timeout)
        return all(any(each in states.get(s, ()) for s in expected) for each in ids)

    def true_or_raise(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What the function says, if it is something true.

        Raises:
            Sentinel: it is not.
        """
        found = fun(*args, **kwargs)
        if not found:
            raise Sentinel
        return found

    def wait_until_idle(self) -> None:
        """Wait until no task runs, then remove what waits."""
        control = self.app.control
        self.wait_for(
            self.true_or_raise,
            (Sentinel,),
            "idle workers",
            args=(lambda: not any((control.inspect().active() or {}).values()),),
            max_retries=120,
            interval_step=0,
        )
        control.purge()


class Manager(ManagerMixin):
    """The same as a class of its own.

    Args:
        app: the application whose workers are asked.
    """

    def __init__(self, app: Celery, **kwargs: Any) -> None:
        self.app = app
        self._init_manager(**kwargs)
