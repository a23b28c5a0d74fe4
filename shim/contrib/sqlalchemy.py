"""SQLAlchemy: a task is sent when the transaction of a session is committed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction, scoped_session

#: The place of `_Waiting` in the ``info`` of a session.
_KEY = "bullrush.contrib.sqlalchemy"


def delay_on_commit(session: Any, task: Any, *args: Any, **kwargs: Any) -> None:
    """As ``task.delay(*args, **kwargs)``, when the transaction of the session is committed, or its
    next one if it is in none. Nothing is sent of a transaction, or a savepoint, that is rolled
    back.

    What cannot be sent raises out of the commit, which is done by then.

    Args:
        session: a `Session`, `AsyncSession`, or `scoped_session`.
        task: what has `delay`.
    """
    _waiting(session).add(partial(task.delay, *args, **kwargs))


def apply_async_on_commit(
    session: Any,
    task: Any,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> None:
    """As ``task.apply_async(args, kwargs, **options)``, when the transaction of the session is
    committed; see `delay_on_commit`. A countdown counts from then.
    """
    _waiting(session).add(partial(task.apply_async, args, kwargs, **options))


class _Waiting:
    """What a session sends when it commits.

    Args:
        session: the session; calls each method of an event's name.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        #: By transaction or savepoint; None is the next transaction.
        self._calls: dict[SessionTransaction | None, list[Callable[[], Any]]] = defaultdict(list)
        self._committed = False
        for name in ("after_transaction_create", "after_commit", "after_transaction_end"):
            event.listen(session, name, getattr(self, name))

    def add(self, call: Callable[[], Any]) -> None:
        """Keep a call until the innermost transaction ends."""
        session = self._session
        self._calls[session.get_nested_transaction() or session.get_transaction()].append(call)

    def after_transaction_create(self, session: Session, transaction: SessionTransaction) -> None:
        """What was called without a transaction belongs to the one that begins."""
        if transaction.parent is None and None in self._calls:
            self._calls[transaction] = self._calls.pop(None)

    def after_commit(self, session: Session) -> None:
        """The transaction, or savepoint, that ends next has been committed."""
        self._committed = True

    def after_transaction_end(self, session: Session, transaction: SessionTransaction) -> None:
        """Send what belongs to a transaction that was committed; a savepoint leaves it to what it
        is in.
        """
        if transaction.parent is not None and not transaction.nested:
            return  # a flush, which is no transaction of its own
        calls, committed = self._calls.pop(transaction, []), self._committed
        self._committed = False
        if not committed:
            return
        if transaction.parent is not None:
            self._calls[_outer(transaction)].extend(calls)
            return
        for call in calls:
            call()


def _outer(savepoint: SessionTransaction) -> SessionTransaction:
    """The savepoint or transaction that a savepoint is in."""
    found = savepoint.parent
    while found is not None and not found.nested and found.parent is not None:
        found = found.parent
    assert found is not None
    return found


def _waiting(session: Any) -> _Waiting:
    if isinstance(session, scoped_session):
        session = session()
    session = getattr(session, "sync_session", session)
    if not isinstance(session, Session):
        raise TypeError(f"delay_on_commit needs a session of SQLAlchemy, not {session!r}")
    found: _Waiting = session.info.get(_KEY) or session.info.setdefault(_KEY, _Waiting(session))
    return found
