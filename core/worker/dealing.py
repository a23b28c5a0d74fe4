"""What the consumer asks its queues for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from ..clock import now_ms
from ..trip import Request
from .feed import Feed
from .settings import WorkerSettings


class Dealing:
    """Deals a worker's room out to its queues, and makes the requests.

    Args:
        settings: the worker's.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._tokens = count(1)
        self._turn = 0

    def shares(self, feeds: Sequence[Feed], room: int) -> dict[Feed, int]:
        """The room for the queues that may have work, each round for another first."""
        if room <= 0:
            return {}
        now, number = now_ms(), len(feeds)
        order = [feeds[(self._turn + step) % number] for step in range(number)]
        hungry = [feed for feed in order if feed.has_work and feed.closed_until_ms <= now]
        shares: dict[Feed, int] = {}
        for position, feed in enumerate(hungry):
            share = min(-(-room // (len(hungry) - position)), feed.room())
            if share > 0:
                shares[feed] = share
                room -= share
        if shares:
            self._turn += 1
        return shares

    def request(self, feed: Feed, most: int) -> Request:
        """Ask for up to so many jobs, under a token that nobody has used."""
        settings = self._settings
        return Request(
            now=now_ms(),
            token=f"{settings.worker_id}:{next(self._tokens)}",
            lock_ms=settings.lock_duration,
            most=most,
            limiter=feed.share.limiter or settings.limiter,
            worker=settings.name,
            metrics=settings.metrics,
        )

    def commit(self, feeds: Sequence[Feed]) -> None:
        """Store every outcome, and fetch nothing; those that Redis does not take are kept."""
        for feed in feeds:
            while feed.finished:
                flight = feed.depart(self.request(feed, 0))
                if flight is None:
                    break
                flight.arrive()
                if feed.failing:
                    break
