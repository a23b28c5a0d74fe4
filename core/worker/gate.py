"""What stands between the fetched deliveries and the pool: those that must not start yet, and those
that are gathered to a batch.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..batch import BatchDelivery, Batching
from ..delivery import Delivery
from ..pools import Work
from ..pools.base import Report

logger = logging.getLogger("bullrush.worker")


@dataclass
class _Gathering:
    """A batch that is not full.

    Args:
        size: then it is.
        due: monotonic s when it waits no more.
    """

    size: int
    due: float
    members: list[Delivery] = field(default_factory=list)


class Gate:
    """Asked by the consumer before a delivery is given to the pool; there is none for a handler
    that has nothing to say. Used by one thread.

    Args:
        work: knows who must wait, and who is gathered.
        report: gets what comes of those that must wait.
    """

    def __init__(self, work: Work, report: Report) -> None:
        self._work, self._report = work, report
        self._hold, self._batching_of = work.hold, work.batching
        #: By queue and key, the oldest first.
        self._open: dict[tuple[str, str], _Gathering] = {}
        self._ready: deque[BatchDelivery] = deque()

    def heed(self) -> None:
        """Ask anew who must wait."""
        self._hold = self._work.hold

    def lets_pass(self, delivery: Delivery) -> bool:
        """Whether it may start now, alone. Else it has been taken care of."""
        if self._must_wait(delivery):
            return False
        batching = self._batching(delivery)
        if batching is not None:
            self._gather(delivery, batching)
        return batching is None

    def join(self, deliveries: Iterable[Delivery]) -> list[Delivery]:
        """Add deliveries to batches that gather; those that fit in none."""
        if not self._open:
            return list(deliveries)
        rest = []
        for each in deliveries:
            batching = self._batching(each)
            if batching is None or (each.job.base, batching.key) not in self._open:
                rest.append(each)
            elif not self._must_wait(each):
                self._gather(each, batching)
        return rest

    # -- batches --

    @property
    def slots(self) -> int:
        """How many slots are kept free for batches."""
        return len(self._open) + len(self._ready)

    @property
    def wanted(self) -> int:
        """How many deliveries the batches have room for."""
        return sum(each.size - len(each.members) for each in self._open.values())

    @property
    def has_batch(self) -> bool:
        """Whether a batch wants to be called now."""
        return bool(self._ready)

    def due_in(self) -> float | None:
        """How long, in s, until a batch waits no more; None when none does."""
        due = min((each.due for each in self._open.values()), default=None)
        return None if due is None else max(0.0, due - time.monotonic())

    def next_batch(self) -> BatchDelivery | None:
        """A batch that is full or has waited long enough."""
        now = time.monotonic()
        for key, gathering in list(self._open.items()):
            if gathering.due <= now:
                self._close(key)
        return self._ready.popleft() if self._ready else None

    def hurry(self) -> bool:
        """Others wait for a slot: let the oldest batch wait no more. Whether there is one."""
        for key in self._open:
            self._close(key)
            return True
        return False

    def give_up(self) -> list[Delivery]:
        """Let all that is gathered go, the newest first, as `Backlog.give_up`."""
        gathered = [each for batch in self._ready for each in batch.members]
        gathered += [each for gathering in self._open.values() for each in gathering.members]
        self._ready.clear()
        self._open.clear()
        return gathered[::-1]

    def _gather(self, delivery: Delivery, batching: Batching) -> None:
        key = (delivery.job.base, batching.key)
        gathering = self._open.get(key)
        if gathering is None:
            due = time.monotonic() + batching.max_wait
            gathering = self._open[key] = _Gathering(batching.size, due)
        gathering.members.append(delivery)
        if len(gathering.members) >= gathering.size:
            self._close(key)

    def _close(self, key: tuple[str, str]) -> None:
        self._ready.append(BatchDelivery(self._open.pop(key).members))

    # -- what the handler says --

    def _batching(self, delivery: Delivery) -> Batching | None:
        return None if self._batching_of is None else self._batching_of(delivery)

    def _must_wait(self, delivery: Delivery) -> bool:
        """A delivery that must is postponed."""
        if self._hold is None:
            return False
        try:
            wait = self._hold(delivery)
        except Exception:
            logger.exception("job %s: the handler's hold raised; it starts now", delivery.job.id)
            return False
        if wait > 0:
            self._report(self._work.postpone(delivery, wait))
        return wait > 0
