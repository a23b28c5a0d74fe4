"""An event loop in a thread of its own, where the coroutines of a pool run side by side."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from typing_extensions import Self

from ..delivery import Delivery, Finished
from ..errors import SoftTimeLimitExceeded, TimeLimitExceeded
from .base import Pending, Report, Work


class LoopThread:
    """Runs coroutines until it is stopped. Started when it is first needed."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        with self._guard:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="bullrush-loop", daemon=True
                )
                self._thread.start()
            return self._loop

    def call(self, function: Callable[..., Any], *args: Any) -> None:
        """Call a plain function in the loop's thread, soon."""
        self.loop.call_soon_threadsafe(function, *args)

    def stop(self) -> None:
        """Cancel what runs and end the thread; a second stop does nothing."""
        with self._guard:
            loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop)
        self._thread.join(5)
        if not loop.is_running():
            loop.close()


async def _cancel_all() -> None:
    """Every other task, then the loop itself."""
    own = asyncio.current_task()
    others = [task for task in asyncio.all_tasks() if task is not own]
    for task in others:
        task.cancel()
    await asyncio.wait(others, timeout=2) if others else None
    asyncio.get_running_loop().stop()


class Coroutines:
    """The deliveries of a pool that are coroutines, with their time limits.

    Args:
        work: what finishes a pending delivery.
        report: told of each, in the loop's thread.
    """

    def __init__(self, work: Work, report: Report) -> None:
        self._work, self._report = work, report
        self._thread = LoopThread()
        #: None between the call of the handler and its coroutine.
        self._tasks: dict[Delivery, _Run | None] = {}
        self._begun: deque[Delivery] = deque()
        self._guard = threading.Lock()

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, delivery: Delivery) -> bool:
        return delivery in self._tasks

    def spawn(self, pending: Pending) -> None:
        """Run a pending delivery; safe from any thread."""
        run = _Run(self._work, pending, self._done)
        self._tasks[pending.delivery] = run
        self._thread.call(run.start)

    def begin(self, delivery: Delivery) -> None:
        """Call the handler in the loop's thread, and run what it gives; safe from any thread."""
        self._tasks[delivery] = None
        # Waking the loop costs more than the call: deliveries that come together wake it once.
        with self._guard:
            self._begun.append(delivery)
            is_first = len(self._begun) == 1
        if is_first:
            self._thread.call(self._begin_all)

    def cancel(self, delivery: Delivery, error: BaseException) -> bool:
        """End a running one with that error; safe from any thread."""
        run = self._tasks.get(delivery)
        if run is not None:
            self._thread.call(run.end, error)
        return run is not None

    def stop(self) -> None:
        """End the loop."""
        self._thread.stop()

    def _begin_all(self) -> None:
        """As many as there are by now. The last is taken away at the end, so that one that comes
        meanwhile is either seen here or wakes the loop.
        """
        begun = self._begun
        while begun:
            self._begin(begun[0])
            begun.popleft()

    def _begin(self, delivery: Delivery) -> None:
        begun = self._work.begin(delivery)
        if isinstance(begun, Finished):
            self._done(begun)
        else:
            self._tasks[delivery] = run = _Run(self._work, begun, self._done)
            run.start()

    def _done(self, finished: Finished) -> None:
        self._tasks.pop(finished.delivery, None)
        self._report(finished)


class _Run:
    """One coroutine on its way. Every method runs in the loop's thread."""

    def __init__(self, work: Work, pending: Pending, done: Report) -> None:
        self._work, self._pending, self._done = work, pending, done
        self._task: asyncio.Task[Finished] | None = None
        self._alarms: list[asyncio.TimerHandle] = []
        self._error: BaseException | None = None
        self._over = False

    def start(self) -> Self:
        """Start it, with its limits."""
        loop, limits = asyncio.get_running_loop(), self._work.limits(self._pending.delivery)
        self._task = loop.create_task(self._work.complete(self._pending))
        self._task.add_done_callback(self._finish)
        if limits.soft:
            error = SoftTimeLimitExceeded(f"the soft time limit of {limits.soft} s is over")
            self._alarms.append(loop.call_later(limits.soft, self.end, error))
        if limits.hard:
            self._alarms.append(loop.call_later(limits.hard, self._abandon, limits.hard))
        return self

    def end(self, error: BaseException) -> None:
        """Cancel it; the job gets that error instead of the cancellation."""
        self._error = self._error or error
        if self._task is not None:
            self._task.cancel()

    def _abandon(self, seconds: float) -> None:
        """It was cancelled before, or never: from now on nobody waits for it."""
        self._error = TimeLimitExceeded(seconds)
        assert self._task is not None
        self._task.cancel()
        self._settle(self._aborted())

    def _finish(self, task: asyncio.Task[Finished]) -> None:
        if task.cancelled():
            self._error = self._error or asyncio.CancelledError("the worker stopped")
            self._settle(self._aborted())
        else:
            self._settle(task.result())

    def _aborted(self) -> Finished:
        assert self._error is not None
        return self._work.abort(self._pending.delivery, self._error)

    def _settle(self, finished: Finished) -> None:
        if not self._over:
            self._over = True
            for alarm in self._alarms:
                alarm.cancel()
            self._done(finished)
