"""A clock that stands still until a test moves it; workers of this process follow."""

from __future__ import annotations

import contextlib
import datetime
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from bullrush.core import clock
from bullrush.core.errors import InvalidOption
from bullrush.core.views import list_queues
from bullrush.core.worker import Worker
from bullrush.core.worker.stalled import StalledService

from ..beat.scheduler import DEFAULT_MAX_INTERVAL, Scheduler
from ..beat.service import Service
from ..rates import RateLimits
from .ageing import age_keys
from .scene import Scene, read_scenes
from .spans import seconds_of

if TYPE_CHECKING:
    from ..app.base import Celery

#: s of real time that the jobs of one moment may take.
PATIENCE = 10.0
#: s between two looks, at first and at most.
_SHORTEST, _LONGEST = 0.0005, 0.01
#: s of virtual time between two looks at a schedule, at most.
_BEAT_PAUSE = 86_400.0


class StillBusy(AssertionError):
    """Jobs did not come to rest in time."""


def _unchanged(n: float, drift: float = 0.0) -> float:
    """What the way to a worker takes is nothing when time stands still."""
    return n


class VirtualClock:
    """Puts a clock of its own into the core, and moves it.

        with VirtualClock(app) as clock, make_worker(app) as worker:
            clock.follow(worker)
            send.apply_async(countdown=3600)
            clock.advance("1h")

    While it is in place, no other process should work on the same queues: its time goes on by
    itself. What a task waits for itself (``time.sleep``, time limits) is real time.

    Args:
        app: whose queues are watched; every queue with its prefix is found.
        now: the first moment; with a time zone, or UTC. The present one by default.
        patience: s of real time that the jobs of one moment may take.
        serve_all: have a worker that `follow` was given serve every queue in which jobs are.

    Raises:
        InvalidOption: another clock is in place already.
    """

    def __init__(
        self,
        app: Celery,
        now: datetime.datetime | None = None,
        patience: float = PATIENCE,
        serve_all: bool = True,
    ) -> None:
        self.app, self.patience, self.serve_all = app, patience, serve_all
        if now is not None and now.tzinfo is None:
            now = now.replace(tzinfo=datetime.timezone.utc)
        self._ms = clock.now_ms() if now is None else round(now.timestamp() * 1000)
        self._workers: list[Worker] = []
        self._before: Callable[[], int] | None = None
        self._beat: Scheduler | None = None
        self._sweep_at: int | None = None

    # -- being there --

    def start(self) -> None:
        """Time stands still from now on."""
        if not clock.runs_by_itself():
            raise InvalidOption("another clock is in place already; there is one for each process")
        self._before, clock.source = clock.source, lambda: self._ms * 1_000_000

    def stop(self) -> None:
        """Time goes on by itself."""
        if self._before is not None:
            clock.source, self._before = self._before, None

    def __enter__(self) -> VirtualClock:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def follow(self, worker: Worker) -> None:
        """That worker takes jobs only while `run_until_idle` or `advance` run, from now on."""
        worker.pause()
        self._workers.append(worker)

    # -- time --

    @property
    def now(self) -> datetime.datetime:
        """The moment at which it stands, in UTC."""
        return clock.now()

    def advance(self, span: str | float | datetime.timedelta) -> None:
        """Let so much time pass. What falls due on the way happens in its order, each at its own
        moment: delays, retries, job schedulers, the entries of ``beat_schedule``, rate limits,
        locks that nobody renews.

        Args:
            span: ``"2h"``, ``"1h 30m"``, ``"250ms"``, a timedelta or a number of s.

        Raises:
            InvalidOption: no span of time.
            StillBusy: jobs of a moment did not come to rest.
        """
        end = self._ms + round(seconds_of(span) * 1000)
        self.run_until_idle()
        while (moment := self._next_moment()) is not None and moment <= end:
            self._move_to(moment)
            self.run_until_idle()
        self._move_to(end)

    def advance_to(self, moment: datetime.datetime) -> None:
        """As `advance`, until that moment; one without a time zone is UTC.

        Raises:
            InvalidOption: it is over.
        """
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
        self.advance(zoned - self.now)

    def run_until_idle(self) -> None:
        """Have everything run that can run now. Jobs of queues that are paused, rate limited or
        served by nobody stay where they are.

        Raises:
            StillBusy: jobs did not come to rest.
        """
        self._tick_beat()
        for worker in self._workers:
            if RateLimits(self.app).are_there():
                worker.heed_handler()
            worker.resume()
        try:
            self._wait_for_rest()
        finally:
            for worker in self._workers:
                worker.pause()

    def _wait_for_rest(self) -> None:
        deadline, pause = time.monotonic() + self.patience, _SHORTEST
        while busy := list(self._busy()):
            if time.monotonic() > deadline:
                raise StillBusy(f"not at rest after {self.patience} s: {'; '.join(map(str, busy))}")
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST)

    # -- what there is to do --

    def _scenes(self) -> list[Scene]:
        app = self.app
        found = {*list_queues(app.driver, app.prefix), *app.known_queues()}
        return read_scenes([app.queue(name) for name in sorted(found)])

    def _busy(self) -> Iterator[object]:
        """What is still under way, or could be."""
        for scene in self._scenes():
            abandoned = self._abandoned(scene)
            runnable = scene.ready or (scene.due is not None and scene.due <= self._ms)
            served = self._serve(scene.queue) if runnable else False
            if len(scene.active) > len(abandoned) or (
                runnable and served and not scene.paused and not self._closed(scene.queue)
            ):
                yield scene
        for worker in self._workers:
            yield from worker.running()

    def _serve(self, name: str) -> bool:
        """Whether a worker takes jobs of that queue."""
        if not self._workers:
            return False
        if any(queue.name == name for each in self._workers for queue in each.queues):
            return True
        if self.serve_all:
            self._workers[0].add_queue(name)
        return self.serve_all

    def _closed(self, name: str) -> int:
        """Until when the queue is closed, Unix ms; 0 when it is open."""
        moment = max((each.closed_until(name) for each in self._workers), default=0)
        return moment if moment > self._ms else 0

    def _abandoned(self, scene: Scene) -> list[str]:
        """The ids of active jobs that no worker of this test is at."""
        if not scene.active:
            return []
        queue = self.app.queue(scene.queue)
        commands = [("GET", queue.keys.job_part(each, "lock")) for each in scene.active]
        tokens = queue.driver.execute_many(commands)
        mine = tuple(f"{each.settings.worker_id}:".encode() for each in self._workers)
        return [
            job_id
            for job_id, token in zip(scene.active, tokens, strict=True)
            if not (token and token.startswith(mine))
        ]

    def _next_moment(self) -> int | None:
        """The next one at which something happens, Unix ms."""
        moments: list[int] = []
        abandoned = False
        for scene in self._scenes():
            abandoned = abandoned or bool(self._abandoned(scene))
            closed = self._closed(scene.queue)
            if closed and scene.ready:
                moments.append(closed)
            if scene.due is not None:
                moments.append(scene.due)
        if abandoned and self._workers:
            self._sweep_at = self._sweep_at or self._ms + self._workers[0].settings.stalled_interval
            moments.append(self._sweep_at)
        else:
            self._sweep_at = None
        if self._beat is not None:
            moments.append(self._ms + max(1, round(self._beat_pause * 1000)))
        return min((each for each in moments if each > self._ms), default=None)

    # -- what time does --

    def _move_to(self, moment: int) -> None:
        span, self._ms = moment - self._ms, moment
        if span > 0:
            age_keys(self.app, span)
        self._sweep()
        for scene in self._scenes() if self._workers else ():
            if scene.due is not None and scene.due <= moment:
                queue = self.app.queue(scene.queue)
                queue.driver.execute(("ZADD", queue.keys.marker, 0, "0"))
        for worker in self._workers:
            worker.clock_was_set()

    def _sweep(self) -> None:
        """Take back what lost workers had, if it is time to."""
        if self._sweep_at is None or self._ms < self._sweep_at:
            return
        settings = self._workers[0].settings
        queues = [self.app.queue(each.queue) for each in self._scenes()]
        StalledService(queues, settings.stalled_interval, settings.max_stalled_count).tick()
        self._sweep_at = None

    def _tick_beat(self) -> None:
        """Send what ``beat_schedule`` has for now."""
        if self._beat is None:
            if not self.app.conf.beat_schedule:
                return
            self._beat = Service(self.app).scheduler
            self._beat.adjust = _unchanged  # type: ignore[method-assign]
            if self._beat.max_interval == DEFAULT_MAX_INTERVAL:
                # That is for who changes a schedule while it runs. Looking that often would make
                # a day 288 moments, however little happens on it.
                self._beat.max_interval = _BEAT_PAUSE
        while (pause := self._beat.tick()) <= 0:
            continue
        self._beat_pause = pause

    def forget_beat(self) -> None:
        """Close the schedule of the test."""
        if self._beat is not None:
            with contextlib.suppress(Exception):
                self._beat.close()
            self._beat = None

    _beat_pause = 0.0
