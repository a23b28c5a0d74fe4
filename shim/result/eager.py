"""The result of a task that ran here and now."""

from __future__ import annotations

from typing import Any

from .. import states
from ..exceptions import TaskRevokedError
from .blocking import assert_will_not_block
from .meta import Meta
from .single import AsyncResult


class EagerResult(AsyncResult):
    """The result of a task that ran in this process.

    Args:
        id: the task id.
        ret_value: what it returned, or the exception.
        state: how it ended.
        traceback: its text.
        name: of the task.
    """

    ignored = False
    parent = None
    #: It was sent to no queue.
    _queue = None
    _mark = None

    def __init__(
        self,
        id: str,
        ret_value: Any,
        state: str,
        traceback: str | None = None,
        name: str | None = None,
    ) -> None:
        self.id = id
        self._name = name
        self._end(state, ret_value, traceback)

    def _end(self, state: str, value: Any, traceback: str | None) -> None:
        meta = Meta()
        meta.status, meta.result, meta.traceback = state, value, traceback
        meta.name = self._name
        self._cache = meta

    def __copy__(self) -> EagerResult:
        return self.__reduce__()[0](*self.__reduce__()[1])  # type: ignore[no-any-return]

    def __reduce__(self) -> Any:
        meta = self._read()
        return type(self), (self.id, meta.result, meta.status, meta.traceback, self._name)

    def get(  # type: ignore[override]
        self,
        timeout: float | None = None,
        propagate: bool = True,
        disable_sync_subtasks: bool = True,
        **options: Any,
    ) -> Any:
        """The value; raises what the task raised when `propagate`. None for a task that has not
        ended.

        Raises:
            RuntimeError: called within a task.
        """
        if disable_sync_subtasks:
            assert_will_not_block()
        meta = self._read()
        if meta.status == states.SUCCESS:
            return meta.result
        if meta.status in states.PROPAGATE_STATES:
            return self.maybe_throw(propagate)
        return None

    wait = get  # type: ignore[assignment]

    def ready(self) -> bool:
        """Always."""
        return True

    def exists(self) -> bool:
        """Nothing is stored."""
        return False

    def forget(self) -> None:
        """Nothing is stored."""

    def revoke(self, *args: Any, **options: Any) -> None:
        """It has run already; but from now on it counts as revoked."""
        self._end(states.REVOKED, TaskRevokedError("revoked"), None)

    @property
    def supports_native_join(self) -> bool:
        """Never: there is nothing to wait for."""
        return False
