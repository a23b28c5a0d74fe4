"""The consumer: one thread that owns all state of a worker. Everybody else puts small values into
its inbox.
"""

from __future__ import annotations

import logging
import queue as queues
import threading
import time
from collections.abc import Iterable, Sequence

from .. import clock
from ..clock import now_ms
from ..delivery import Delivery, Finished
from ..outcome import Postponed, RateLimited, Returned
from ..pools import Pool, Work
from .backlog import PATIENCE, Backlog
from .batches import finished_parts
from .dealing import Dealing
from .feed import Feed, Flight
from .gate import Gate
from .inbox import Due, Inbox, Message
from .listeners import Listeners
from .log import log_outcome
from .rescue import Rescue
from .settings import WorkerSettings
from .standby import Standby
from .veto import Veto, allowed

logger = logging.getLogger("bullrush.worker")


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
        inbox: Inbox,
        listeners: Listeners,
    ) -> None:
        self.settings = settings
        self.pool = pool
        self.inbox = inbox
        self.feeds: Sequence[Feed] = ()
        self.stopping = False
        #: Asked before a delivery waits for a slot. None while nobody has an objection to anything.
        self.veto: Veto | None = None
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
        self._dealing = Dealing(settings)
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

    def heed_handler(self) -> None:
        """The handler has something to say from now on, though it had nothing at the start."""
        self._gate = self._gate or Gate(self._work, self.report)
        self._gate.heed()

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
        log_outcome(finished, quiet=self._quiet)
        self._listeners.tell_outcome(finished)

    def is_hungry(self) -> bool:
        """Whether more slots would have work. Safe from any thread."""
        return not self._takes_nothing() and any(each.is_hungry() for each in self.feeds)

    def run(self) -> None:
        """Work until stopped and everything is committed."""
        while not self._is_done():
            self._wait()
            with self._guard:
                self._hand_back_waiting()
                for feed in self.feeds:
                    feed.look_at_due(now_ms(), self._room())
                self._depart()
            self._dispatch()
            with self._guard:
                self._receive(self._land())
                self._stand_by()
        if self._rescue is not None:
            self._rescue.stop()
        self._hand_back_all()

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
            if (feed.owed or feed.lost) and feed.closed_until_ms <= now_ms():
                feed.make_runs()
                feed.reclaim()
        now, shares = now_ms(), self._dealing.shares(self.feeds, self._room())
        for feed in self.feeds:
            most = shares.get(feed, 0)
            if most or (feed.finished and not (feed.failing and feed.closed_until_ms > now)):
                flight = feed.depart(self._dealing.request(feed, most))
                if flight is not None:
                    self._flights.append(flight)

    def _receive(self, deliveries: list[Delivery]) -> None:
        """They have just been fetched."""
        self._running.update(deliveries)
        if self._listeners.wants("active"):
            for delivery in deliveries:
                self._listeners.tell("active", delivery)
        if self.veto is not None:
            deliveries = allowed(deliveries, self.veto, self._work, self.report)
        self._backlog.put(deliveries if self._gate is None else self._gate.join(deliveries))

    def _land(self) -> list[Delivery]:
        """What the trips brought."""
        flights, self._flights = self._flights, []
        landed: list[Delivery] = []
        for flight in flights:
            feed, had_work = flight.feed, flight.feed.has_work
            landed += flight.arrive()
            if feed.failing:
                self._listeners.tell("error", feed.error)
            elif had_work and not feed.has_work:
                self._listeners.tell("drained", feed.queue.name)
                if self._standby is None:
                    feed.marker.arm()
        return landed

    # -- sleeping in Redis --

    @property
    def _standby(self) -> Standby | None:
        """What may stand by for the only queue."""
        if len(self.feeds) != 1 or not clock.runs_by_itself():
            return None
        return self.feeds[0].standby

    def _stand_by(self) -> None:
        """Nothing is there to fetch: let Redis hand out what comes."""
        standby = self._standby
        if standby is None or standby.out:
            return
        feed = self.feeds[0]
        if feed.has_work or feed.finished:
            return
        most = min(self._room(), feed.room())
        if most > 0 and feed.closed_until_ms <= now_ms():
            feed.stand_by(standby, self._dealing.request(feed, most))

    def _recall(self) -> None:
        """Nobody stands by any more; what was fetched meanwhile is taken in."""
        for feed in self.feeds:
            standby = feed.standby
            if standby is not None and standby.out and feed.call_off(standby):
                self._receive(feed.return_from(standby))

    def _dispatch(self) -> None:
        """Give deliveries to the pool while it takes them."""
        if self._rescue is not None:
            if self._gate is not None:
                # Nobody would see what it brings while the handler runs.
                with self._guard:
                    self._recall()
            with self._rescue:
                self._submit_waiting()
        else:
            self._submit_waiting()

    def _submit_waiting(self) -> None:
        pool, backlog, gate, free = self.pool, self._backlog, self._gate, self._free
        tells = self._listeners.wants("started")
        while len(backlog) and free() > 0 and not self._limited:
            delivery = backlog.take()
            if delivery is not None and (gate is None or gate.lets_pass(delivery)):
                if tells:
                    self._listeners.tell("started", delivery)
                pool.submit(delivery)
        while gate is not None and pool.free() > 0 and not self._limited:
            batch = gate.next_batch()
            if batch is None:
                return
            for each in batch.members if tells else ():
                self._listeners.tell("started", each)
            pool.submit(batch)

    def _hand_back_waiting(self) -> None:
        """What waits behind long jobs, or for a worker that takes no more, goes back to the queue
        at once.
        """
        if self._takes_nothing():
            self._recall()
            self._hand_back_unstarted()
            return
        overdue = self._backlog.overdue_in()
        if overdue is None or overdue > 0 or self._free() > 0:
            return
        if self._gate is None or not self._gate.hurry():
            self._recall()
            self._take_back(self._backlog.give_up())

    def _hand_back_unstarted(self) -> None:
        given = self._backlog.give_up()
        if self._gate is not None:
            given += self._gate.give_up()
        self._take_back(given)

    def _take_back(self, unstarted: Iterable[Delivery]) -> None:
        for each in unstarted:
            self._take_in_finished(self._work.hand_back(each))

    def _hand_back_all(self) -> None:
        """The worker ends, and some jobs have not: they run elsewhere, at once."""
        self._recall()
        self._hand_back_unstarted()
        self._dealing.commit(self.feeds)
        for standby in filter(None, (feed.standby for feed in self.feeds)):
            standby.close()
        self.left = self.running()
        for delivery in self.left:
            job = delivery.job
            logger.warning("handed back: job %s of %s had not ended", job.id, job.queue_name)
            self.pool.abandon(delivery)
            self._take_in_finished(self._work.hand_back(delivery, started=True))
        self._dealing.commit(self.feeds)

    def _rescue_waiting(self) -> None:
        """The same from another thread: a handler holds up the consumer's own."""
        self._receive(self._land())
        self._take_back(self._backlog.give_up())
        self._dealing.commit(self.feeds)

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
            waits += feed.waits(now, room)
        return max(0.0, min(waits)) if waits else None

    def _wait(self) -> None:
        """Wait until there is something to do, and take in every message."""
        patience, standby = self._patience(), self._standby
        if standby is None or not standby.out:
            self._read_inbox(patience)
            return
        feed, overdue = self.feeds[0], max(standby.overdue_in(), 0.0)
        back = self.inbox.watch(standby, overdue if patience is None else min(patience, overdue))
        if back:
            # Before anything else is done: whoever added the job waits for its start.
            with self._guard:
                self._receive(feed.return_from(standby))
            if not self._takes_nothing():
                self._dispatch()
        elif standby.overdue_in() <= 0:
            feed.give_up(standby)
        self._read_inbox(0.0)

    def _read_inbox(self, patience: float | None) -> None:
        """Take in every message that is there; wait for the first as long as there is nothing else
        to do.
        """
        inbox = self.inbox
        try:
            message = inbox.get(patience)
            with self._guard:
                while True:
                    self._take_in(message)
                    message = inbox.get(0.0)
        except queues.Empty:
            return

    def _take_in(self, message: Message) -> None:
        if isinstance(message, Finished):
            self._take_in_finished(message)
        elif isinstance(message, Due):
            message.feed.expect(message.moment_ms)
        elif message is not None:
            message.has_work = True
            if message not in self.feeds:
                self._recall()
                for each in self.feeds:
                    each.has_work = True  # only the feed of a single queue may stand by
                self.feeds = [*self.feeds, message]
            elif message.removed:
                self._recall()
            if min(self._room(), message.room()) <= 0:
                message.marker.hand_on()

    def _take_in_finished(self, finished: Finished) -> None:
        if finished.parts:
            for part in finished_parts(finished):
                self._take_in_finished(part)
            return
        if not isinstance(finished.outcome, (Postponed, Returned)):
            self._backlog.learn(finished.seconds)
        if isinstance(finished.outcome, RateLimited):
            # What was fetched ahead waits for the limit too, behind the job that has met it.
            self._limited = False
            self._recall()
            self._hand_back_unstarted()
        base = finished.delivery.job.base
        feed = next(each for each in self.feeds if each.queue.keys.base == base)
        if finished.record:
            feed.finished.append(finished)
        else:
            feed.settle(finished)
