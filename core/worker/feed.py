"""What the consumer knows of one queue: outcomes to commit, and when it is worth fetching."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..advance import advance, log_owed
from ..calls import begin, run, run_steps
from ..clock import now_ms
from ..delivery import Delivery, Finished
from ..drivers import is_refusal
from ..errors import (
    BullrushError,
    ConnectionFailed,
    FailedChildren,
    PendingChildren,
    ServerError,
    error_for_code,
)
from ..job import Job
from ..outcome import Completed, RateLimited
from ..queue import Queue
from ..trip import Reply, Request, commit_and_fetch
from .execution import Execution
from .marker import MarkerService
from .pause import GrowingPause
from .reclaim import LostFetch
from .settings import WorkerSettings
from .share import QueueShare
from .standby import Standby

logger = logging.getLogger("bullrush.worker")

#: More outcomes than this in one script only hold Redis (design decision 3.4).
LARGEST_BATCH = 50


@dataclass(frozen=True)
class Flight:
    """A trip that is under way.

    Args:
        feed: whose it is.
        batch: the outcomes it commits.
        request: what it asks for.
        end: waits for the reply.
    """

    feed: Feed
    batch: list[Finished]
    request: Request
    end: Callable[[], Reply]

    def arrive(self) -> list[Delivery]:
        """See `Feed.arrive`."""
        return self.feed.arrive(self)


class Feed:
    """One queue of a consumer. Used by the consumer's thread only.

    Args:
        queue: the queue.
        share: how much of the worker it gets.
        marker: sleeps in Redis while the queue is empty.
        standby: the same for a worker of one queue; None where that is not possible.
        execution: says what becomes of a completion that the queue does not accept.
        settled: told of every delivery whose outcome is stored or lost.
        settings: the worker's.
    """

    def __init__(
        self,
        queue: Queue,
        share: QueueShare,
        marker: MarkerService,
        standby: Standby | None,
        execution: Execution,
        settled: Callable[[Finished], None],
        settings: WorkerSettings,
    ) -> None:
        self.queue = queue
        self.share = share
        self.marker = marker
        self.standby = standby
        #: How many of its deliveries are not settled.
        self.held = 0
        #: Whether the worker serves the queue no more: what it holds is still committed.
        self.removed = False
        self.finished: list[Finished] = []
        self._execution = execution
        self._settled = settled
        self._settings = settings
        #: Whether a fetch is worth while; else somebody sleeps in Redis.
        self.has_work = True
        #: When the next delayed job is due, Unix ms, while nothing else is worth a fetch; else 0.
        self.due_ms = 0
        #: No trip is made before that time, Unix ms: for a fetch by the rate limit, for everything
        #: after an error.
        self.closed_until_ms = 0
        #: Whether the last trip failed.
        self.failing = False
        #: Why.
        self.error: BullrushError | None = None
        #: Runs of job schedulers without a successor, since Redis did not answer.
        self.owed: list[Job] = []
        #: Fetches whose replies were lost.
        self.lost: list[LostFetch] = [] if standby is None else standby.lost
        self._pause = GrowingPause(settings.run_retry_delay / 1000)

    def room(self) -> int:
        """How many more deliveries its share allows."""
        if self.removed:
            return 0
        most = self.share.concurrency
        return LARGEST_BATCH if most is None else min(most - self.held, LARGEST_BATCH)

    def look_at_due(self, now: int, room: int) -> None:
        """When delayed jobs have fallen due: fetch them, or let others do it.

        Args:
            room: how many deliveries the worker could take.
        """
        if self.has_work or not 0 < self.due_ms <= now:
            return
        self.due_ms = 0
        if self.standby is not None and self.standby.out:
            self.call_off(self.standby)
            return
        self.has_work = True
        if min(room, self.room()) <= 0:
            self.marker.hand_on()

    def is_hungry(self) -> bool:
        """Whether it would take deliveries."""
        return self.has_work and self.room() > 0

    def waits(self, now: int, room: int) -> list[float]:
        """After how many s something is to be done here."""
        hungry = room > 0 and self.is_hungry()
        moments = []
        if self.finished or self.owed or self.lost or hungry:
            moments.append(self.closed_until_ms)
        if self.due_ms and not self.has_work:
            moments.append(self.due_ms)
        return [(moment - now) / 1000 for moment in moments]

    def settle(self, finished: Finished) -> None:
        """The outcome is stored, or will never be."""
        self.held -= 1
        self._settled(finished)

    def depart(self, request: Request) -> Flight | None:
        """Start a trip: commit up to a batch of outcomes, and fetch. Errors of Redis are logged,
        and the feed closes for a growing pause; then there is no trip.
        """
        batch = self.finished[:LARGEST_BATCH]
        del self.finished[: len(batch)]
        for each in batch:
            each.delivery.committing = True
        if any(isinstance(each.outcome, RateLimited) for each in self.finished):
            # The limit closes with the next batch.
            request = replace(request, most=0)
        records = [each.record for each in batch]
        call = commit_and_fetch(self.queue.keys, records, request)
        try:
            return Flight(self, batch, request, begin(self.queue.driver, call))
        except BullrushError as error:
            self._give_up_for_now(batch, error)
            return None

    def arrive(self, flight: Flight) -> list[Delivery]:
        """Wait for a trip; what it fetched. What could not be committed is kept."""
        try:
            reply = flight.end()
        except BullrushError as error:
            if flight.request.most and isinstance(error, ConnectionFailed):
                self.lost.append(LostFetch(flight.request.token))
            self._give_up_for_now(flight.batch, error)
            return []
        self._pause.reset()
        self.failing = False
        self._settle(flight.batch, reply.codes)
        return self._read(reply, flight.request, flight.request.now)

    def _read(self, reply: Reply, request: Request, now: int) -> list[Delivery]:
        for job_id in reply.dropped:
            logger.warning("dropped: id %s of %s had no job", job_id, self.queue.name)
        if reply.limited_ms:
            longest = self._settings.maximum_rate_limit_delay
            self.closed_until_ms = now + min(reply.limited_ms, longest)
            self.has_work = True
        elif request.most and not reply.jobs:
            self.has_work = False
            self.due_ms = reply.next_due
        self.held += len(reply.jobs)
        self.owed += [job for job in reply.jobs if job.raw("scheduler_id") is not None]
        self.make_runs()
        return [Delivery(job, self.queue, request.token, request.worker) for job in reply.jobs]

    def expect(self, due_ms: int) -> None:
        """A delayed job falls due then, Unix ms."""
        self.due_ms = min(self.due_ms or due_ms, due_ms)

    def stand_by(self, standby: Standby, request: Request) -> None:
        """Sleep in Redis. Errors of Redis are logged, and the feed closes for a growing pause."""
        try:
            standby.depart(request)
        except BullrushError as error:
            self._drop(standby, error)

    def return_from(self, standby: Standby) -> list[Delivery]:
        """What it has brought; blocks until it is back."""
        request = standby.request
        assert request is not None
        try:
            reply = standby.arrive()
        except BullrushError as error:
            self._drop(standby, error)
            return []
        self._pause.reset()
        now = now_ms()
        self.has_work = True
        deliveries = self._read(reply, request, now)
        if 0 < self.due_ms <= now:
            standby.doubt_clocks()
        return deliveries

    def call_off(self, standby: Standby) -> bool:
        """Have it come back. False when it cannot be reached and was dropped."""
        try:
            standby.call_off()
        except BullrushError as error:
            self._drop(standby, error)
            return False
        return True

    def give_up(self, standby: Standby) -> None:
        """It should have come back long ago."""
        self._drop(standby, ConnectionFailed("the sleep did not end in its time"))

    def reclaim(self) -> None:
        """Give back what was handed to fetches whose replies were lost."""
        try:
            while self.lost:
                self.lost[0].reclaim(self.queue)
                del self.lost[0]
        except BullrushError as error:
            self._close(error)

    def _drop(self, standby: Standby, error: BullrushError) -> None:
        """A trip is tried next: it loads the script where it is unknown, and tells of what is wrong
        with the queue.
        """
        self.has_work = True
        if standby.out:
            standby.drop()
        if isinstance(error, ServerError) and error.kind == "NOSCRIPT":
            return
        pause = self._close(error)
        logger.warning("waiting for %s: %s; trying again in %.1f s", self.queue.name, error, pause)

    def make_runs(self) -> None:
        """Make the runs that follow those that were fetched. While Redis does not answer they are
        owed, and the feed is closed: a run that ends without a successor ends its schedule.
        """
        if not self.owed:
            return
        try:
            run_steps(self.queue.driver, advance(self.queue.keys, self.owed, now_ms()))
        except BullrushError as error:
            log_owed(self.owed, error)
            if not is_refusal(error):
                self._close(error)
                return
        self.owed.clear()
        self.failing = False

    def _close(self, error: BullrushError) -> float:
        """Nothing is tried for a growing pause, s."""
        self.failing, self.error = True, error
        pause = self._pause.next()
        self.closed_until_ms = now_ms() + int(pause * 1000)
        return pause

    def _settle(self, batch: list[Finished], codes: Sequence[int]) -> None:
        for each, code in zip(batch, codes, strict=True):
            if code == 0:
                self.settle(each)
                continue
            job_id = each.delivery.job.id
            error = error_for_code(code, operation="moveToFinished", job=job_id, state="active")
            if isinstance(error, (PendingChildren, FailedChildren)):
                each.delivery.committing = False
                self.finished.append(self._execution.refused(each, error))
            else:
                logger.warning("not counted: the outcome of job %s: %s", job_id, error)
                self.settle(each)

    def _give_up_for_now(self, batch: list[Finished], error: BullrushError) -> None:
        """Keep everything and try again later; but an outcome that the server refuses must not stop
        the others.
        """
        self.finished[:0] = batch
        for each in batch:
            each.delivery.committing = False
        pause = self._close(error)
        logger.error(
            "%s: %s; %d outcomes are kept, trying again in %.1f s",
            self.queue.name,
            error,
            len(self.finished),
            pause,
        )
        if not is_refusal(error):
            return
        for each in batch:
            self._commit_alone(each)

    def _commit_alone(self, each: Finished) -> None:
        alone = Request(now=now_ms(), token=each.delivery.token, lock_ms=1, most=0)
        try:
            reply = run(self.queue.driver, commit_and_fetch(self.queue.keys, [each.record], alone))
        except BullrushError as error:
            if not is_refusal(error):
                return
            if isinstance(each.outcome, Completed):
                # As in Node: that the job failed, and why, can perhaps be stored.
                position = self.finished.index(each)
                self.finished[position] = self._execution.refused(each, error)
                return
            logger.error(
                "job %s: its outcome was refused (%s); the stalled check will take the job back",
                each.delivery.job.id,
                error,
            )
            self.finished.remove(each)
            self.settle(each)
            return
        self.finished.remove(each)
        self._settle([each], reply.codes)
