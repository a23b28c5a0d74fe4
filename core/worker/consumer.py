"""The consumer: one thread that owns all state of a worker. Everybody else puts small values into
its inbox.
"""

from __future__ import annotations

import queue as queues
import time
from collections.abc import Sequence
from typing import TypeAlias

from ..clock import now_ms
from ..delivery import Delivery, Finished
from ..pools import Pool
from ..trip import Request
from .feed import Feed
from .locks import LockService
from .log import log_outcome
from .settings import WorkerSettings

#: What arrives in the inbox: an outcome, a queue that may have work, or None to look at the stop
#: flag.
Message: TypeAlias = Finished | Feed | None


class Consumer:
    """Fetches while slots are free, hands deliveries to the pool and commits their outcomes.

    While a trip to Redis is under way, finished jobs gather in the inbox and the next trip takes
        them all: batches form by
    themselves, and a lone job waits for nothing.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        pool: Pool,
        locks: LockService,
        inbox: queues.SimpleQueue[Message],
    ) -> None:
        self.settings = settings
        self.pool = pool
        self.locks = locks
        self.inbox = inbox
        self.feeds: Sequence[Feed] = ()
        self._running: set[Delivery] = set()
        self._tokens = 0
        self._turn = 0
        self._deadline: float | None = None
        self.stopping = False
        self._paused = False

    def pause(self, paused: bool) -> None:
        """Fetch nothing until told otherwise; outcomes are committed all the same. Safe from any
        thread.
        """
        self._paused = paused
        self.inbox.put(None)

    @property
    def paused(self) -> bool:
        """Whether it fetches nothing for now."""
        return self._paused

    def stop(self, deadline: float | None = None) -> None:
        """Fetch nothing more; `run` returns when every outcome is committed, or at `deadline`
        (monotonic s). Safe from any thread.
        """
        self._deadline = deadline
        self.stopping = True
        self.inbox.put(None)

    def settled(self, finished: Finished) -> None:
        """The outcome is stored, or will never be."""
        self.locks.release(finished.delivery)
        self._running.discard(finished.delivery)
        log_outcome(finished)

    def run(self) -> None:
        """Work until stopped and everything is committed."""
        while not self._is_done():
            self._read_inbox(self._patience())
            self._round()

    def running(self) -> list[Delivery]:
        """Deliveries whose outcome is not stored yet."""
        return list(self._running)

    def _is_done(self) -> bool:
        if not self.stopping:
            return False
        late = self._deadline is not None and time.monotonic() >= self._deadline
        return late or not self._running

    def _round(self) -> None:
        """One trip for every queue that has something to commit or to fetch."""
        now, shares = now_ms(), self._shares()
        self._turn += 1
        for feed in self.feeds:
            most = shares.get(feed, 0)
            if most or (feed.finished and not (feed.failing and feed.closed_until_ms > now)):
                self._trip(feed, most)

    def _trip(self, feed: Feed, most: int) -> None:
        deliveries = feed.trip(self._request(most))
        self._running.update(deliveries)
        for delivery in deliveries:
            self.locks.hold(delivery)
        for delivery in deliveries:
            self.pool.submit(delivery)

    def _free(self) -> int:
        """How many more jobs the pool takes now."""
        return 0 if self.stopping or self._paused else self.pool.free()

    def _shares(self) -> dict[Feed, int]:
        """The free slots, dealt out to the queues that may have work, each round to another
        first.
        """
        now, free, count = now_ms(), self._free(), len(self.feeds)
        order = [self.feeds[(self._turn + step) % count] for step in range(count)]
        hungry = [feed for feed in order if feed.has_work and feed.closed_until_ms <= now]
        shares: dict[Feed, int] = {}
        for position, feed in enumerate(hungry):
            share = -(-free // (len(hungry) - position))
            shares[feed] = min(share, self.settings.largest_fetch)
            free -= shares[feed]
        return shares

    def _request(self, most: int) -> Request:
        self._tokens += 1
        return Request(
            now=now_ms(),
            token=f"{self.settings.worker_id}:{self._tokens}",
            lock_ms=self.settings.lock_duration,
            most=most,
            limiter=self.settings.limiter,
            worker=self.settings.name,
            metrics=self.settings.metrics,
        )

    def _patience(self) -> float | None:
        """How long nothing needs to be done, s; None for: until a message comes."""
        now, free = now_ms(), self._free()
        moments = [
            feed.closed_until_ms
            for feed in self.feeds
            if (feed.finished and feed.failing) or (free and feed.has_work)
        ]
        if any(feed.finished and not feed.failing for feed in self.feeds):
            return 0.0
        waits = [max(0.0, (moment - now) / 1000) for moment in moments]
        if self._deadline is not None:
            waits.append(max(0.0, self._deadline - time.monotonic()))
        return min(waits, default=None)

    def _read_inbox(self, patience: float | None) -> None:
        """Take in every message that is there; wait for the first as long as there is nothing else
        to do.
        """
        try:
            message = (
                self.inbox.get(timeout=patience) if patience != 0.0 else self.inbox.get_nowait()
            )
            while True:
                self._take_in(message)
                message = self.inbox.get_nowait()
        except queues.Empty:
            return

    def _take_in(self, message: Message) -> None:
        if isinstance(message, Finished):
            self._take_in_finished(message)
        elif message is not None:
            message.has_work = True
            if self._free() <= 0:
                message.marker.hand_on()

    def _take_in_finished(self, finished: Finished) -> None:
        if not finished.record:
            self.settled(finished)
            return
        feed = next(each for each in self.feeds if each.queue is finished.delivery.queue)
        feed.finished.append(finished)
