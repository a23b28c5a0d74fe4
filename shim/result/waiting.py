"""Waiting for one result or for ten thousand, without polling: whoever waits asks once what has
ended already, and then is told by the event readers of the queues.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bullrush.core import Event

from .. import states
from ..exceptions import TimeoutError
from ..message import NO_RESULT
from .endings import Endings, Waiter
from .looking import look
from .meta import UNKNOWN, EndMeta, FailedMeta, Meta

if TYPE_CHECKING:
    from ..app.base import Celery
    from .single import AsyncResult

#: s after which a waiter asks Redis again, in case an event was lost, or a Celery of old has stored
#: a result, which tells nobody.
_LOOK_AGAIN = 2.0
#: What is stored for a run that left its state as it was: nobody is told of an end.
_IGNORED = NO_RESULT.text


@dataclass(frozen=True)
class Patience:
    """How to wait.

    Args:
        timeout: s; None for as long as it takes, 0 to ask once.
        interval: s between two calls of `on_interval`.
        on_interval: called now and then, without arguments.
        on_message: called with the meta of every result that ends while it is waited for.
    """

    timeout: float | None = None
    interval: float = 0.5
    on_interval: Callable[[], Any] | None = None
    on_message: Callable[[dict[str, Any]], Any] | None = None


def ends(
    app: Celery, results: Iterable[AsyncResult], patience: Patience
) -> Iterator[tuple[AsyncResult, Meta]]:
    """Every result as soon as it has ended, those that have ended already first.

    Raises:
        TimeoutError: not all have ended in time.
        ConnectionFailed: Redis did not answer.
    """
    waiting = _Waiting(app, patience)
    try:
        yield from waiting.begin(list(results))
        while waiting.pending:
            yield from waiting.go_on()
    finally:
        waiting.end()


class _Waiting:
    """One wait for any number of results."""

    def __init__(self, app: Celery, patience: Patience) -> None:
        self.app, self.patience = app, patience
        self.deadline = None if patience.timeout is None else time.monotonic() + patience.timeout
        #: Job id -> the results that wait for it.
        self.pending: dict[str, list[AsyncResult]] = {}
        self._waiter = Waiter()
        self._listening: list[tuple[Endings, list[str]]] = []
        #: The queues that are listened to.
        self._heard: set[str] = set()
        self._look_at = time.monotonic() + _LOOK_AGAIN

    def begin(self, results: list[AsyncResult]) -> Iterator[tuple[AsyncResult, Meta]]:
        """Listen first, then ask: no end is missed."""
        lost = [each for each in results if each._queue is None]
        if lost:
            yield from self._ready_of(lost)
            results = [each for each in results if each._cache is None]
        for each in results:
            for job_id in each._job_ids():
                self.pending.setdefault(job_id, []).append(each)
        self._listen(results)
        unsure: list[AsyncResult] = []
        for each in results:
            ended = self._recently(each)
            if ended is None:
                unsure.append(each)
            elif isinstance(ended, Event):
                yield from self._take([ended])
        yield from self._asked(unsure)

    def go_on(self) -> Iterator[tuple[AsyncResult, Meta]]:
        """Wait for the next ends."""
        now = time.monotonic()
        rest = self._look_at - now
        if self.deadline is not None:
            rest = min(rest, self.deadline - now)
        if self.patience.on_interval is not None:
            self.patience.on_interval()
            rest = min(rest, self.patience.interval)
        if self.deadline is not None and self.deadline <= now:
            raise TimeoutError("The operation timed out.")
        events = self._waiter.wait(rest)
        if events:
            yield from self._take(events, told=True)
        elif time.monotonic() >= self._look_at:
            yield from self._asked(self._open())

    def end(self) -> None:
        """Listen no more."""
        for endings, job_ids in self._listening:
            endings.remove(self._waiter, job_ids)

    def _open(self) -> list[AsyncResult]:
        return list({id(each): each for many in self.pending.values() for each in many}.values())

    def _listen(self, results: Sequence[AsyncResult]) -> None:
        by_queue: dict[str | None, list[str]] = {}
        for each in results:
            by_queue.setdefault(each._queue, []).extend(each._job_ids())
        for name, job_ids in by_queue.items():
            self._heard.update(self.app.known_queues() if name is None else [name])
            for endings in self.app.everywhere() if name is None else [self.app.endings(name)]:
                endings.add(self._waiter, job_ids)
                self._listening.append((endings, job_ids))

    def _recently(self, result: AsyncResult) -> Event | Literal[False] | None:
        """The end of a result of our own that came while nobody waited; False when there was none;
        None when Redis must be asked.
        """
        if result._mark is None or result._queue is None or self.patience.timeout == 0:
            return None
        endings = self.app.endings(result._queue)
        if endings.missed(result._mark):
            return None
        return endings.recent(result._job_ids()[0]) or False

    def _take(
        self, events: Sequence[Event], told: bool = False
    ) -> Iterator[tuple[AsyncResult, Meta]]:
        """What events tell. The value of a result of our own is in its event; for all others the
        event may be that of an earlier task of the same id, so Redis is asked.
        """
        asked: dict[int, tuple[AsyncResult, Event]] = {}
        for event in events:
            for each in self.pending.get(event.job_id, ()):
                if each._mark is not None and event.fields.get("returnvalue", _IGNORED) != _IGNORED:
                    yield self._found(each, EndMeta(event, self.app), told)
                else:
                    asked[id(each)] = (each, event)
        metas = look(self.app, [each for each, _ in asked.values()]) if asked else []
        for (each, event), meta in zip(asked.values(), metas, strict=True):
            if meta is UNKNOWN and event.fields.get("returnvalue") != _IGNORED:
                # The job is gone, the event is all there is.
                failed = event.name == "failed"
                meta = FailedMeta(event) if failed else EndMeta(event, self.app)
            if meta.ready:
                yield self._found(each, meta, told)

    def _asked(self, results: list[AsyncResult]) -> Iterator[tuple[AsyncResult, Meta]]:
        if results:
            yield from self._ready_of(results)
            self._listen([r for r in results if r._queue not in (None, *self._heard)])
        self._look_at = time.monotonic() + _LOOK_AGAIN

    def _ready_of(self, results: list[AsyncResult]) -> Iterator[tuple[AsyncResult, Meta]]:
        for each, meta in zip(results, look(self.app, results), strict=True):
            if meta.status in states.READY_STATES:
                yield self._found(each, meta)

    def _found(
        self, result: AsyncResult, meta: Meta, told: bool = False
    ) -> tuple[AsyncResult, Meta]:
        for job_id in result._job_ids():
            rest = [each for each in self.pending.get(job_id, ()) if each is not result]
            if rest:
                self.pending[job_id] = rest
            else:
                self.pending.pop(job_id, None)
        result._keep(meta)
        if told and self.patience.on_message is not None:
            self.patience.on_message(meta.as_dict(result.id))
        return result, meta
