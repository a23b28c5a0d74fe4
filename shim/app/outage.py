"""What becomes of a call while Redis does not answer: ``on_broker_down``."""

from __future__ import annotations

import itertools
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bullrush.core import Queue
from bullrush.core.calls import run, run_steps
from bullrush.core.drivers.faults import is_transient
from bullrush.core.errors import AuthenticationFailed, BullrushError, ConnectionFailed
from bullrush.core.new_job import NewJob
from bullrush.core.spooling import add_spooled, was_added
from bullrush.exceptions import BrokerUnreachable

from ..spool import Entry, Spool

if TYPE_CHECKING:
    from .base import Celery

logger = logging.getLogger("bullrush.outage")

POLICIES = ("raise", "inline", "spool")
#: So many jobs are replayed at once.
_BATCH = 100
#: s between two looks at a Redis that is away.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
#: ms for which Redis remembers how far a spool has been replayed.
_KEEP = 30 * 24 * 3_600_000
#: ms by which the clocks of two machines may differ.
_SKEW = 60_000


def check_policy(policy: Any, whose: str) -> str | None:
    """What is wrong with a policy; None when nothing is."""
    if policy in POLICIES:
        return None
    return f"{whose}={policy!r}: it is one of {', '.join(map(repr, POLICIES))}"


class Outage:
    """How an application gets along without Redis. Nothing here is used before that.

    Attributes:
        holding: whether calls go to the spool at once, since others of it wait there.
        counts: how often this process has ``inline`` run and ``spooled`` a call, and ``replayed``.
    """

    def __init__(self, app: Celery) -> None:
        self.app = app
        self.holding = False
        self.degraded = False
        self.counts = {"inline": 0, "spooled": 0, "replayed": 0}
        self._guard = threading.RLock()
        self._replayer: tuple[int, threading.Thread] | None = None
        self._stop = threading.Event()
        self._door = _open_door()

    @cached_property
    def spool(self) -> Spool:
        """The file of this application."""
        return Spool(self.app.conf.spool_path)

    def watch(self) -> None:
        """Somebody may spool: replay what an earlier process has left."""
        if self.spool.counts()["waiting"]:
            self._hold()

    def send(
        self, policy: str, queue: Queue, job: NewJob, send: Callable[[], Any]
    ) -> BullrushError | None:
        """Send a job, or keep it.

        Args:
            policy: ``inline`` or ``spool``.

        Returns:
            None when it is in Redis or in the spool; the error when the caller is to run it.

        Raises:
            BrokerUnreachable: Redis refuses the login.
        """
        if self.holding and policy == "spool" and self._keep(queue, job, doubtful=False):
            return None
        try:
            send()
        except BullrushError as error:
            if not is_transient(error) or isinstance(error.__cause__, AuthenticationFailed):
                raise
            failed = error
        else:
            self.degraded = False
            return None
        self._tell(policy, failed)
        if policy == "inline":
            self.counts["inline"] += 1
            return failed
        self._hold()
        self._keep(queue, job, doubtful=_is_doubtful(failed), must=True)
        return None

    def replay(self) -> int:
        """Send what waits in the spool, in its order; how many jobs were left there.

        Raises:
            BullrushError: Redis is away.
        """
        while entries := self.spool.oldest(_BATCH):
            if len(entries) < _BATCH:  # the end is near: no new ones until it is reached
                self._door.clear()
            for (prefix, queue), group in itertools.groupby(entries, lambda e: (e.prefix, e.queue)):
                self._replay(Queue(queue, driver=self.app.driver, prefix=prefix), list(group))
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
        self._replayer = None
        if "spool" in self.__dict__:
            self.spool.after_fork()

    def _keep(self, queue: Queue, job: NewJob, *, doubtful: bool, must: bool = False) -> bool:
        """Put it into the spool; False when nothing is held any more."""
        self._door.wait(_LONGEST_PAUSE)
        with self._guard:
            if not (must or self.holding):
                return False
            self.spool.append(queue.keys.prefix, queue.name, job, doubtful=doubtful)
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

    def _replay(self, queue: Queue, entries: list[Entry]) -> None:
        """Send jobs of one queue, together."""
        new = [each for each in entries if not (each.doubtful and self._is_there(queue, each))]
        try:
            self._add(queue, new)
        except BullrushError as error:
            if is_transient(error):
                raise
            for each in new:
                self._replay_alone(queue, each)
        self.spool.remove(entries)

    def _replay_alone(self, queue: Queue, entry: Entry) -> None:
        """A bad job must not hold up the others."""
        try:
            self._add(queue, [entry])
        except BullrushError as error:
            if is_transient(error):
                raise
            logger.error("job %s of the spool is put aside: %s", entry.job.id, error)
            self.spool.refuse(entry, str(error))

    def _add(self, queue: Queue, entries: Sequence[Entry]) -> None:
        if entries:
            jobs = [(each.number, each.job) for each in entries]
            call = add_spooled(queue.keys, jobs, self.spool.id, keep=_KEEP)
            self.counts["replayed"] += run(queue.driver, call)

    def _is_there(self, queue: Queue, entry: Entry) -> bool:
        """Whether Redis had carried out what it did not answer."""
        return run_steps(queue.driver, was_added(queue.keys, entry.job.id, entry.since - _SKEW))

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
    later = options.get("countdown") or options.get("eta")
    if task is None or later or isinstance(options.get("delay"), int):
        raise error
    known = {name: value for name, value in options.items() if name not in ("result_cls",)}
    result = app.run_eagerly(task, tuple(args), dict(kwargs), as_sent=True, throw=False, **known)
    result.ran_inline = True
    return result


def _is_doubtful(error: BullrushError) -> bool:
    cause = error.__cause__ if isinstance(error, BrokerUnreachable) else error
    return isinstance(cause, ConnectionFailed) and cause.doubtful
