"""The consumer: one thread that owns all state of a worker. Everybody else puts small values into
its inbox.
"""

from __future__ import annotations

import logging
import queue as queues
import threading
import time
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from ..clock import now_ms
from ..delivery import Delivery, Finished
from ..outcome import Completed, Failed, Postponed, RateLimited, Retried, Returned
from ..pools import Pool, Work
from ..trip import Request
from .backlog import PATIENCE, Backlog
from .batches import finished_parts
from .feed import Feed, Flight
from .gate import Gate
from .listeners import Listeners
from .log import log_outcome
from .rescue import Rescue
from .settings import WorkerSettings

logger = logging.getLogger("bullrush.worker")

#: What arrives in the inbox: an outcome, a queue that may have work, or None to look again.
Message: TypeAlias = Finished | Feed | None


class Consumer:
    """Fetches while slots are free, hands deliveries to the pool and commits their outcomes.

    While a trip to Redis is under way, finished jobs gather in the inbox and the next trip takes
    them all: batches form by themselves, and a lone job waits for nothing. A pool that works in
    this thread works while the trips are under way.

    Args:
        settings: the worker's.
        pool: runs deliveries.
        work: makes outcomes of those that are handed back.
        inbox: where everybody else speaks.
        listeners: told of what happens to jobs.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        pool: Pool,
        work: Work,
        inbox: queues.SimpleQueue[Message],
        listeners: Listeners,
    ) -> None:
        self.settings = settings
        self.pool = pool
        self.inbox = inbox
        self.feeds: Sequence[Feed] = ()
        self.stopping = False
        #: Deliveries that had not ended when the worker stopped, and were handed back.
        self.left: list[Delivery] = []
        self._listeners = listeners
        self._work = work
        self._quiet = work.logs_outcomes
        self._backlog = Backlog()
        says_more = work.hold is not None or work.batching is not None
        self._gate = Gate(work, self.report) if says_more else None
        self._free = pool.free if work.batching is None else self._free_beside_batches
        self._running: set[Delivery] = set()
        self._flights: list[Flight] = []
        self._tokens = 0
        self._turn = 0
        self._deadline: float | None = None
        self._paused = False
        #: A handler has met a rate limit: nothing is given to the pool until that is taken in.
        self._limited = False
        #: Held by this thread but while it waits or runs a handler.
        self._guard = threading.Lock()
        self._rescue = Rescue(self._guard, PATIENCE, self._rescue_waiting) if pool.inline else None

    def report(self, finished: Finished) -> None:
        """Take what came of a delivery. Safe from any thread."""
        if isinstance(finished.outcome, RateLimited):
            self._limited = True
        self.inbox.put(finished)

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
        self._running.discard(finished.delivery)
        outcome, told = finished.outcome, self._listeners
        # A failure without a record of its exception is the worker's own word, not the handler's.
        if not self._quiet or (isinstance(outcome, Failed) and outcome.exception is None):
            log_outcome(finished)
        if isinstance(outcome, Completed):
            told.tell("completed", finished.delivery, outcome)
        elif isinstance(outcome, (Failed, Retried)):
            told.tell("failed", finished.delivery, outcome)

    def is_hungry(self) -> bool:
        """Whether more slots would have work. Safe from any thread."""
        return not self._takes_nothing() and any(feed.has_work for feed in self.feeds)

    def run(self) -> None:
        """Work until stopped and everything is committed."""
        while not self._is_done():
            self._read_inbox(self._patience())
            with self._guard:
                self._hand_back_waiting()
                self._depart()
            self._dispatch()
            with self._guard:
                self._arrive()
        if self._rescue is not None:
            self._rescue.stop()
        self._hand_back_running()

    def running(self) -> list[Delivery]:
        """Deliveries whose outcome is not stored yet. Safe from any thread."""
        return list(self._running)

    def _is_done(self) -> bool:
        if not self.stopping:
            return False
        late = self._deadline is not None and time.monotonic() >= self._deadline
        return late or not (self._running or any(feed.owed for feed in self.feeds))

    # -- trips --

    def _depart(self) -> None:
        """Start one trip for every queue that has something to commit or to fetch."""
        for feed in self.feeds:
            if feed.owed and feed.closed_until_ms <= now_ms():
                feed.make_runs()
        now, shares = now_ms(), self._shares()
        if shares:
            self._turn += 1
        for feed in self.feeds:
            most = shares.get(feed, 0)
            if most or (feed.finished and not (feed.failing and feed.closed_until_ms > now)):
                flight = feed.depart(self._request(feed, most))
                if flight is not None:
                    self._flights.append(flight)

    def _arrive(self) -> None:
        """Take in what the trips brought."""
        deliveries = self._land()
        self._backlog.put(deliveries if self._gate is None else self._gate.join(deliveries))

    def _land(self) -> list[Delivery]:
        flights, self._flights = self._flights, []
        landed: list[Delivery] = []
        for flight in flights:
            feed, had_work = flight.feed, flight.feed.has_work
            deliveries = flight.arrive()
            if feed.failing:
                self._listeners.tell("error", feed.error)
            elif had_work and not feed.has_work:
                self._listeners.tell("drained", feed.queue.name)
            self._running.update(deliveries)
            landed += deliveries
            if self._listeners.wants("active"):
                for delivery in deliveries:
                    self._listeners.tell("active", delivery)
        return landed

    def _dispatch(self) -> None:
        """Give deliveries to the pool while it takes them."""
        if self._rescue is not None:
            with self._rescue:
                self._submit_waiting()
        else:
            self._submit_waiting()

    def _submit_waiting(self) -> None:
        pool, backlog, gate, free = self.pool, self._backlog, self._gate, self._free
        while len(backlog) and free() > 0 and not self._limited:
            delivery = backlog.take()
            if delivery is not None and (gate is None or gate.lets_pass(delivery)):
                pool.submit(delivery)
        while gate is not None and pool.free() > 0 and not self._limited:
            batch = gate.next_batch()
            if batch is None:
                return
            pool.submit(batch)

    def _hand_back_waiting(self) -> None:
        """What waits behind long jobs, or for a worker that takes no more, goes back to the queue
        at once.
        """
        if self._takes_nothing():
            self._hand_back_unstarted()
            return
        overdue = self._backlog.overdue_in()
        if overdue is None or overdue > 0 or self._free() > 0:
            return
        if self._gate is None or not self._gate.hurry():
            self._take_in_all(self._work.hand_back(each) for each in self._backlog.give_up())

    def _hand_back_unstarted(self) -> None:
        given = self._backlog.give_up()
        if self._gate is not None:
            given += self._gate.give_up()
        self._take_in_all(self._work.hand_back(each) for each in given)

    def _hand_back_running(self) -> None:
        """The worker ends, and some jobs have not: they run elsewhere, at once."""
        self.left = self.running()
        for delivery in self.left:
            job = delivery.job
            logger.warning("handed back: job %s of %s had not ended", job.id, job.queue_name)
            self.pool.abandon(delivery)
            self._take_in_finished(self._work.hand_back(delivery, started=True))
        self._commit_all()

    def _commit_all(self) -> None:
        for feed in self.feeds:
            while feed.finished and (flight := feed.depart(self._request(feed, 0))) is not None:
                flight.arrive()

    def _rescue_waiting(self) -> None:
        """The same from another thread, when the consumer's own is held up by a handler."""
        self._backlog.put(self._land())
        self._take_in_all(self._work.hand_back(each) for each in self._backlog.give_up())
        self._commit_all()

    # -- how many --

    def _takes_nothing(self) -> bool:
        return self.stopping or self._paused

    def _room(self) -> int:
        """How many more deliveries are worth while now."""
        if self._takes_nothing():
            return 0
        wanted = 0 if self._gate is None else self._gate.wanted
        return self._free() + wanted + self._backlog.ahead() - len(self._backlog)

    def _free_beside_batches(self) -> int:
        """Batches that gather, or wait for their call, have a slot each."""
        return self.pool.free() - (0 if self._gate is None else self._gate.slots)

    def _shares(self) -> dict[Feed, int]:
        """The room, dealt out to the queues that may have work, each round to another first."""
        room, count = self._room(), len(self.feeds)
        if room <= 0:
            return {}
        now = now_ms()
        order = [self.feeds[(self._turn + step) % count] for step in range(count)]
        hungry = [feed for feed in order if feed.has_work and feed.closed_until_ms <= now]
        shares: dict[Feed, int] = {}
        for position, feed in enumerate(hungry):
            share = -(-room // (len(hungry) - position))
            share = min(share, feed.room())
            if share > 0:
                shares[feed] = share
                room -= share
        return shares

    def _request(self, feed: Feed, most: int) -> Request:
        self._tokens += 1
        return Request(
            now=now_ms(),
            token=f"{self.settings.worker_id}:{self._tokens}",
            lock_ms=self.settings.lock_duration,
            most=most,
            limiter=feed.share.limiter or self.settings.limiter,
            worker=self.settings.name,
            metrics=self.settings.metrics,
        )

    # -- the inbox --

    def _patience(self) -> float | None:
        """How long nothing needs to be done, s; None for: until a message comes."""
        waits = [] if self._deadline is None else [self._deadline - time.monotonic()]
        overdue = self._backlog.overdue_in()
        if overdue is not None:
            if self._takes_nothing() or self._free() > 0:
                return 0.0
            waits.append(overdue)
        if self._gate is not None:
            if self._gate.has_batch and self.pool.free() > 0:
                return 0.0
            due = self._gate.due_in()
            waits += [] if due is None else [due]
        now, room = now_ms(), self._room()
        for feed in self.feeds:
            if feed.finished and not feed.failing:
                return 0.0
            hungry = room > 0 and feed.has_work and feed.room() > 0
            if feed.finished or feed.owed or hungry:
                waits.append((feed.closed_until_ms - now) / 1000)
        return max(0.0, min(waits)) if waits else None

    def _read_inbox(self, patience: float | None) -> None:
        """Take in every message that is there; wait for the first as long as there is nothing else
        to do.
        """
        inbox = self.inbox
        try:
            message = inbox.get_nowait() if patience == 0.0 else inbox.get(timeout=patience)
            with self._guard:
                while True:
                    self._take_in(message)
                    message = inbox.get_nowait()
        except queues.Empty:
            return

    def _take_in(self, message: Message) -> None:
        if isinstance(message, Finished):
            self._take_in_finished(message)
        elif message is not None:
            message.has_work = True
            if message not in self.feeds:
                self.feeds = [*self.feeds, message]
            if min(self._room(), message.room()) <= 0:
                message.marker.hand_on()

    def _take_in_all(self, reports: Iterable[Finished]) -> None:
        for finished in reports:
            self._take_in_finished(finished)

    def _take_in_finished(self, finished: Finished) -> None:
        if finished.parts:
            self._take_in_all(finished_parts(finished))
            return
        if not isinstance(finished.outcome, (Postponed, Returned)):
            self._backlog.learn(finished.seconds)
        if isinstance(finished.outcome, RateLimited):
            # What was fetched ahead waits for the limit too, behind the job that has met it.
            self._limited = False
            self._hand_back_unstarted()
        base = finished.delivery.job.base
        feed = next(each for each in self.feeds if each.queue.keys.base == base)
        if finished.record:
            feed.finished.append(finished)
        else:
            feed.settle(finished)
