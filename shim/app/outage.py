"""What becomes of a call while Redis does not answer: ``on_broker_down``."""

from __future__ import annotations

import itertools
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from bullrush.core.calls import Batch, Call, run
from bullrush.core.clock import now_ms
from bullrush.core.drivers.faults import is_refusal, is_transient
from bullrush.core.errors import AuthenticationFailed, BullrushError, ConnectionFailed
from bullrush.core.nodes import Node
from bullrush.core.spooling import Mark, Parcel, add_once
from bullrush.exceptions import BrokerUnreachable

from ..ids import uuid
from ..spool import Entry, Spool
from .publishing import publish

if TYPE_CHECKING:
    from .base import Celery

logger = logging.getLogger("bullrush.outage")

#: Called with the ids that stand for jobs, once they are in Redis.
Heard: TypeAlias = "Callable[[list[str]], object] | None"
POLICIES = ("raise", "inline", "spool")
#: So many jobs are replayed at once.
_BATCH = 100
#: s between two looks at a Redis that is away.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
#: ms for which Redis remembers how far a spool has been replayed.
_KEEP = 30 * 24 * 3_600_000
#: ms for which it remembers what a process has sent: longer than an outage lasts.
_KEEP_SENT = 7 * 24 * 3_600_000


def check_policy(policy: Any, whose: str) -> str | None:
    """What is wrong with a policy; None when nothing is."""
    if policy in POLICIES:
        return None
    return f"{whose}={policy!r}: it is one of {', '.join(map(repr, POLICIES))}"


class Lanes:
    """Counts what this process sends, so that a send whose answer was lost is known again. A lane
    has one send on its way at most; what is left of one in doubt is never used again.
    """

    def __init__(self) -> None:
        self._sender = uuid()
        self._idle: list[tuple[str, int]] = []
        self._names = itertools.count(1)

    def next(self) -> Mark:
        """The mark of the next send."""
        try:
            lane, number = self._idle.pop()
        except IndexError:
            lane, number = str(next(self._names)), 0
        return Mark(self._sender, lane, number + 1)

    def over(self, mark: Mark) -> None:
        """It is known what came of that send."""
        self._idle.append((mark.lane, mark.number))


class Outage:
    """How an application gets along without Redis. Nothing here is used before that.

    Attributes:
        wanted: whether some task has a policy of its own.
        holding: whether calls go to the spool at once, since others of it wait there.
        counts: how often this process has ``inline`` run and ``spooled`` a call, and ``replayed``.
    """

    def __init__(self, app: Celery) -> None:
        self.app = app
        self.wanted = False
        self.holding = False
        self.degraded = False
        self.counts = {"inline": 0, "spooled": 0, "replayed": 0}
        self._guard = threading.RLock()
        self._replayer: tuple[int, threading.Thread] | None = None
        self._stop = threading.Event()
        self._door = _open_door()
        self._lanes = Lanes()

    @cached_property
    def spool(self) -> Spool:
        """The file of this application."""
        return Spool(self.app.conf.spool_path)

    def watch(self) -> None:
        """Somebody may spool: replay what an earlier process has left."""
        if self.spool.counts()["waiting"]:
            self._hold()

    def send(
        self,
        policy: str,
        nodes: Sequence[Node],
        also: Iterable[Call[Any]] = (),
        added: Heard = None,
    ) -> BullrushError | None:
        """Send jobs, all or none, or keep them.

        Args:
            policy: ``inline`` or ``spool``.
            nodes: the jobs, every parent before its children. All have ids.
            also: goes with them, and is not kept.
            added: called when they are in Redis; see `Heard`.

        Returns:
            None when they are in Redis or in the spool; the error when the caller is to run them.

        Raises:
            BrokerUnreachable: Redis refuses the login.
        """
        if policy == "spool":
            self._send_or_keep(nodes, also, added)
            return None
        failed = self._try(Parcel(nodes), also, added)
        if failed is not None:
            self._tell(policy, failed)
            self.counts["inline"] += 1
        return failed

    def _send_or_keep(self, nodes: Sequence[Node], also: Iterable[Call[Any]], added: Heard) -> None:
        if self.holding and self._keep(nodes, None):
            return
        mark = self._lanes.next()
        try:
            failed = self._try(Parcel(nodes, [mark]), also, added)
        except BullrushError:
            self._lanes.over(mark)
            raise
        doubt = mark if failed is not None and _is_doubtful(failed) else None
        if doubt is None:
            self._lanes.over(mark)
        if failed is not None:
            self._tell("spool", failed)
            self._hold()
            self._keep(nodes, doubt, must=True)

    def _try(self, parcel: Parcel, also: Iterable[Call[Any]], added: Heard) -> BullrushError | None:
        """The error, if Redis is away. What goes with it comes after it, so that there is no doubt
        which of them failed.
        """
        driver, more = self.app.driver, list(also)
        call = add_once([parcel], now_ms(), keep=_KEEP_SENT)
        try:
            (ids,) = publish(lambda: run(driver, call), False, None, {})
        except BullrushError as error:
            if not is_transient(error) or isinstance(error.__cause__, AuthenticationFailed):
                raise
            return error
        self.degraded = False
        if more:
            try:
                run(driver, Batch(more, list))
            except BullrushError as error:
                logger.debug("nobody was told of what was sent: %s", error)
        if added is not None:
            added(ids or [])
        return None

    def replay(self) -> int:
        """Send what waits in the spool, in its order; how many entries were left there.

        Raises:
            BullrushError: Redis is away.
        """
        while entries := self.spool.oldest(_BATCH):
            if sum(len(each.nodes) for each in entries) < _BATCH:
                self._door.clear()  # the end is near: no new ones until it is reached
            for _, group in itertools.groupby(entries, lambda e: e.nodes[0].keys.prefix):
                self._replay(list(group))
        return self.spool.counts()["waiting"]

    def close(self) -> None:
        """Stop replaying in this process; what is left stays in the file."""
        self._stop.set()
        replayer, self._replayer = self._replayer, None
        if replayer is not None and replayer[0] == os.getpid():
            replayer[1].join(10)
        self._stop = threading.Event()
        self.holding = False
        if "spool" in self.__dict__:
            self.spool.close()

    def after_fork(self) -> None:
        """Called in a child, which replays by itself."""
        self._guard = threading.RLock()
        self._door = _open_door()
        self._lanes = Lanes()
        self._replayer = None
        if "spool" in self.__dict__:
            self.spool.after_fork()

    def _keep(self, nodes: Sequence[Node], doubt: Mark | None, *, must: bool = False) -> bool:
        """Put it into the spool; False when nothing is held any more."""
        self._door.wait(_LONGEST_PAUSE)
        with self._guard:
            if not (must or self.holding):
                return False
            self.spool.append(nodes, doubt)
            self.counts["spooled"] += 1
            self._hold()
            return True

    def _hold(self) -> None:
        with self._guard:
            self.holding = self.degraded = True
            replayer = self._replayer
            if replayer is None or replayer[0] != os.getpid() or not replayer[1].is_alive():
                thread = threading.Thread(target=self._run, name="bullrush-spool", daemon=True)
                self._replayer = os.getpid(), thread
                thread.start()

    def _run(self) -> None:
        pause, stop = _FIRST_PAUSE, self._stop
        while not stop.wait(pause):
            try:
                if self._caught_up():
                    break
            except BullrushError as error:
                pause = min(pause * 2, _LONGEST_PAUSE)
                logger.debug("the spool waits: %s", error)
            except Exception:
                logger.exception("the spool %s cannot be replayed", self.spool.path)
                pause = _LONGEST_PAUSE
            finally:
                self._door.set()
        else:
            return
        logger.info("the spool %s has been replayed", self.spool.path)

    def _caught_up(self) -> bool:
        """Replay, and hold no further calls when nothing is left."""
        self.replay()
        with self._guard:
            if self.spool.counts()["waiting"]:
                return False
            self.holding = self.degraded = False
            self._replayer = None
            return True

    def _replay(self, entries: list[Entry]) -> None:
        """Send entries together."""
        try:
            self._add(entries)
        except BullrushError as error:
            if not is_refusal(error):
                raise
            for each in entries:
                self._replay_alone(each)
        self.spool.remove(entries)

    def _replay_alone(self, entry: Entry) -> None:
        """A bad job must not hold up the others."""
        try:
            self._add([entry])
        except BullrushError as error:
            if not is_refusal(error):
                raise
            ids = ", ".join(node.job.id for node in entry.nodes)
            logger.error("job %.200s of the spool is put aside: %s", ids, error)
            self.spool.refuse(entry, str(error))

    def _add(self, entries: Sequence[Entry]) -> None:
        parcels = [Parcel(each.nodes, list(self._marks(each))) for each in entries]
        added = run(self.app.driver, add_once(parcels, now_ms(), keep=_KEEP))
        self.counts["replayed"] += sum(each is not None for each in added)

    def _marks(self, entry: Entry) -> Iterator[Mark]:
        yield Mark(self.spool.id, "last", entry.number)
        if entry.doubt is not None:
            yield entry.doubt

    def _tell(self, policy: str, error: BullrushError) -> None:
        """Say it once in an outage."""
        told, self.degraded = self.degraded, True
        if not told:
            how = "run in their callers" if policy == "inline" else f"kept in {self.spool.path}"
            logger.warning("%s; calls are %s until it answers", error, how)


def _open_door() -> threading.Event:
    """Closed while the last entries are replayed."""
    door = threading.Event()
    door.set()
    return door


def run_inline(
    app: Celery,
    task: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Mapping[str, Any],
    error: BullrushError,
) -> Any:
    """Run a call here and now; its result says so by ``ran_inline``.

    Raises:
        BullrushError: the task is not known here, or was to run later.
    """
    if task is None or is_for_later(options):
        raise error
    known = {name: value for name, value in options.items() if name not in ("result_cls",)}
    result = app.run_eagerly(task, tuple(args), dict(kwargs), as_sent=True, throw=False, **known)
    result.ran_inline = True
    return result


def is_for_later(options: Mapping[str, Any]) -> bool:
    """Whether a call with these options is not to run now."""
    later = options.get("countdown") or options.get("eta")
    return bool(later) or isinstance(options.get("delay"), int)


def _is_doubtful(error: BullrushError) -> bool:
    cause = error.__cause__ if isinstance(error, BrokerUnreachable) else error
    return isinstance(cause, ConnectionFailed) and cause.doubtful
