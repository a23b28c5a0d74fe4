"""Whether a task may wait for another one: one that does may keep the other from ever starting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..local import running

#: True or False within `allow_join_result` and `denied_join_result`; None: it depends.
_allowed: ContextVar[bool | None] = ContextVar("bullrush_join_allowed", default=None)


def task_join_will_block() -> bool:
    """Whether this code runs in a task, where waiting for a result is refused."""
    allowed = _allowed.get()
    if allowed is not None:
        return not allowed
    return any(not request.called_directly for _, request in running.get())


#: Called before a result that is not there yet is waited for.
watchers: list[Callable[[], None]] = []


def about_to_wait() -> None:
    """Tell who wants to know; what they raise gets out."""
    for watcher in watchers:
        watcher()


def assert_will_not_block() -> None:
    """Refuse to wait within a task.

    Raises:
        RuntimeError: this code runs in a task.
    """
    if task_join_will_block():
        raise RuntimeError(
            "Never call result.get() within a task!\n"
            "See https://docs.celeryq.dev/en/latest/userguide/tasks.html"
            "#avoid-launching-synchronous-subtasks\n"
        )


@contextmanager
def allow_join_result() -> Iterator[None]:
    """Within it, a task may wait for the results of others."""
    yield from _with(True)


@contextmanager
def denied_join_result() -> Iterator[None]:
    """Within it, waiting for a result is refused."""
    yield from _with(False)


def _with(allowed: bool) -> Iterator[None]:
    token = _allowed.set(allowed)
    try:
        yield
    finally:
        _allowed.reset(token)
