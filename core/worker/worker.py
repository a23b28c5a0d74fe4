"""A worker: takes jobs of some queues, gives them to a handler and stores what comes of them."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from typing_extensions import Self, Unpack

from ..delivery import Delivery
from ..drivers import Driver, connect
from ..environment import redis_url
from ..errors import AuthenticationFailed, BullrushError, InvalidOption, JobCancelled
from ..keys import DEFAULT_PREFIX
from ..pools import Pool
from ..queue import Queue
from .autoscale import Autoscale
from .batches import BatchExecution
from .crew import Crew
from .execution import Execution, Handler
from .listeners import Listener, Listeners
from .settings import WorkerOptions, worker_settings
from .share import QueueShare, shares_of
from .veto import Veto

logger = logging.getLogger("bullrush.worker")


class Worker:
    """Runs jobs of one or several queues.

        Worker("emails", lambda delivery: send(**delivery.data)).run()

    Args:
        queues: the name of a queue, or several, which share the slots; a name with ``*``, ``?`` or
            ``[...]`` is a pattern; a `QueueShare` bounds what a queue gets.
        handler: called with a `Delivery`; returns a JSON value, `RawJson` or an outcome. What it
            raises is a failed attempt.
        url: where Redis is; else what the environment says.
        driver: a connected driver to share.
        prefix: what every key starts with.
        **options: see `WorkerOptions`.

    Raises:
        InvalidQueueName: a name that cannot be part of a key.
        InvalidOption: an unknown option, or a value out of range.
    """

    def __init__(
        self,
        queues: str | QueueShare | Sequence[str | QueueShare],
        handler: Handler,
        *,
        url: str | None = None,
        driver: Driver | None = None,
        prefix: str = DEFAULT_PREFIX,
        **options: Unpack[WorkerOptions],
    ) -> None:
        shares = shares_of(queues)
        self.settings = settings = worker_settings(options)
        self._owns_driver = driver is None
        self.prefix = prefix
        self.driver = driver if driver is not None else connect(redis_url(url))
        kind = Execution if getattr(handler, "batching", None) is None else BatchExecution
        self.execution = kind(
            handler,
            size_limit=settings.size_limit,
            strategies=settings.strategies,
            retention=settings.retention,
            max_started_attempts=settings.max_started_attempts,
            time_limits=settings.time_limits,
            max_stalled_count=settings.max_stalled_count,
            fail_when_lost=settings.fail_when_lost,
        )
        self._listeners = Listeners()
        self._crew = Crew(shares, settings, self.execution, self.driver, prefix, self._listeners)
        self._consumer = self._crew.consumer
        self._thread: threading.Thread | None = None
        self._deadline: float | None = None
        #: Whether a signal has asked for more than a warm stop.
        self._cold = False
        #: Whether SIGINT has asked for a warm stop.
        self._interrupted = False

    @property
    def queues(self) -> list[Queue]:
        """The queues it serves; more come when a pattern was given."""
        return self._crew.queues

    @property
    def pool(self) -> Pool:
        """What runs its handlers."""
        return self._crew.pool

    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """Have `listener` called when something happens in this worker; see
        `bullrush.core.worker.listeners.EVENTS` for the names and what it gets. It is called in the
        worker's own threads, and must be quick.

        Returns:
            A function that takes the listener away again.

        Raises:
            InvalidOption: no such event.
        """
        return self._listeners.on(name, listener)

    def add_queue(self, queue: str | QueueShare) -> None:
        """Serve one more queue; may be called while it runs.

        Raises:
            InvalidQueueName: a name that cannot be part of a key.
        """
        for share in shares_of(queue):
            self._crew.add(share)

    def remove_queue(self, name: str) -> bool:
        """Take no more jobs of a queue; may be called while it runs. Running ones end as ever.

        Returns:
            Whether it was served.
        """
        return self._crew.remove(name)

    def takes_jobs(self) -> bool:
        """Whether nobody has told it to stop or to pause."""
        return not (self._consumer.stopping or self._consumer.paused)

    def running(self) -> list[Delivery]:
        """The deliveries it has in hand: those that run, and those that wait here for a slot."""
        return self._consumer.running()

    def process_of(self, delivery: Delivery) -> int | None:
        """The pid of the process that runs a delivery; None while it waits for a slot."""
        return self.pool.process_of(delivery)

    @property
    def veto(self) -> Veto | None:
        """Asked of every delivery before it may start: the error it gets, or None to let it run.
        Called in the worker's own thread, must be quick and must not raise. None costs nothing.
        """
        return self._consumer.veto

    @veto.setter
    def veto(self, veto: Veto | None) -> None:
        self._consumer.veto = veto

    def run(self) -> None:
        """Work in this thread until `stop`, SIGTERM or SIGINT; running jobs end first. A second
        SIGINT, or SIGQUIT, ends at once.

        Raises:
            AuthenticationFailed: Redis refuses the user or the password.
        """
        self._check_login()
        previous = self._catch_signals()
        try:
            self._work()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def start(self) -> Self:
        """Work in a thread of its own. A second start does nothing.

        Raises:
            AuthenticationFailed: Redis refuses the user or the password.
        """
        if self._thread is None:
            self._check_login()
            self._thread = threading.Thread(
                target=self._work, name="bullrush-consumer", daemon=True
            )
            self._thread.start()
        return self

    def stop(self, timeout: float | None = None) -> bool:
        """Take no more jobs and let running ones end.

        Args:
            timeout: s to wait for them; None for as long as it takes. What is not done by then is
                handed back and runs elsewhere; a child process that is at it is killed.

        Returns:
            Whether every job came to its end.
        """
        self.request_stop(timeout)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        return not self._consumer.left

    def request_stop(self, timeout: float | None = None) -> None:
        """As `stop`, without waiting. Safe in a signal handler."""
        if timeout is not None:
            self._deadline = time.monotonic() + timeout
        self.pool.leave()
        if not self._consumer.stopping:
            self._listeners.tell("closing")
        self._consumer.stop(self._deadline)

    def pause(self) -> None:
        """Take no more jobs until `resume`; running ones end. Only this worker: nothing is written
        to Redis. See `Queue.pause` for all of them.
        """
        self._consumer.pause(True)
        self._listeners.tell("paused")

    def resume(self) -> None:
        """Take jobs again."""
        self._consumer.pause(False)
        self._listeners.tell("resumed")

    def is_paused(self) -> bool:
        """Whether `pause` was the last word."""
        return self._consumer.paused

    def cancel(self, job_id: str, reason: str | JobCancelled = "cancelled") -> bool:
        """End a job that this worker runs; it fails with `JobCancelled`, whatever attempts remain.

        Args:
            reason: the job's failedReason, or the whole error.

        Returns:
            Whether it is running here and the pool could end it. `solo` cannot, and nobody can end
            one item of a batch.
        """
        error = reason if isinstance(reason, JobCancelled) else JobCancelled(reason)
        return any(
            self.pool.cancel(delivery, error)
            for delivery in self._consumer.running()
            if delivery.job.id == job_id and delivery.batch is None
        )

    def terminate(self, delivery: Delivery, error: JobCancelled, signum: int) -> bool:
        """As `cancel`, for one of `running`; a process that runs it is sent that signal."""
        return delivery.batch is None and self.pool.end(delivery, error, signum)

    def heed_handler(self) -> None:
        """Ask the handler's `hold` from now on, if it has got one since the start."""
        self._consumer.heed_handler()

    def clock_was_set(self) -> None:
        """Look at every queue again, for whoever moves the clock in `bullrush.core.clock`."""
        self._crew.look_again()
        self._crew.tell_fleet()

    def closed_until(self, name: str) -> int:
        """Until when a queue is not asked for jobs, since it is rate limited or Redis did not
        answer: Unix ms, in the past when it is asked.
        """
        feeds = [each for each in self._consumer.feeds if each.queue.name == name]
        return max((each.closed_until_ms for each in feeds), default=0)

    @property
    def autoscale(self) -> Autoscale | None:
        """The bounds within which the number of slots follows the load; None when it does not."""
        service = self._crew.autoscaler
        return None if service is None else service.bounds

    def set_autoscale(self, most: int, least: int) -> None:
        """Change the bounds.

        Raises:
            InvalidOption: impossible bounds, or a worker that does not scale.
        """
        service = self._crew.autoscaler
        if service is None:
            raise InvalidOption("this worker was started without autoscale")
        service.bounds = Autoscale(most, least, service.bounds.keep)
        slots = min(max(self.concurrency, least), most)
        if slots != self.concurrency:
            self.concurrency = slots

    @property
    def concurrency(self) -> int:
        """How many jobs run at once; may be set while the worker runs."""
        return self.pool.slots

    @concurrency.setter
    def concurrency(self, slots: int) -> None:
        if isinstance(slots, bool) or not isinstance(slots, int) or slots < 1:
            raise InvalidOption(f"concurrency is a whole number from 1, not {slots!r}")
        self.pool.resize(slots)
        self._crew.look_again()

    def is_running(self) -> bool:
        """Whether it was started and not yet told to stop."""
        return self._thread is not None and not self._consumer.stopping

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _check_login(self) -> None:
        """A refused login will not mend itself; a server that is away may come back."""
        try:
            self.driver.execute(("PING",))
        except AuthenticationFailed:
            raise
        except BullrushError as error:
            logger.error("%s; the worker goes on trying", error)

    def _work(self) -> None:
        name = self.settings.name or self.settings.worker_id
        self._crew.start()
        logger.info(
            "initialized: worker %s on %s at %s, pool %s with %d slots",
            name,
            ", ".join(queue.name for queue in self.queues) or "no queue yet",
            self.driver.location,
            self.settings.pool,
            self.pool.slots,
        )
        self._listeners.tell("ready")
        try:
            self._consumer.run()
        finally:
            self._crew.stop()
            if self._owns_driver:
                self.driver.close()
            logger.info("stopped: worker %s", name)
            self._listeners.tell("closed")

    def _catch_signals(self) -> dict[int, Any]:
        """Only the main thread may; elsewhere whoever embeds the worker stops it."""
        if threading.current_thread() is not threading.main_thread():
            return {}
        numbers = [signal.SIGTERM, signal.SIGINT]
        if hasattr(signal, "SIGQUIT"):
            numbers.append(signal.SIGQUIT)
        return {number: signal.signal(number, self._on_signal) for number in numbers}

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """SIGTERM and the first SIGINT wait for running jobs (as long as `drain_timeout` says);
        SIGQUIT, or a second SIGINT, hands them back after `soft_shutdown_timeout`, one more at
        once.
        """
        self.pool.leave()
        name, settings = signal.Signals(number).name, self.settings
        stopping = self._consumer.stopping
        cold = name == "SIGQUIT" or (name == "SIGTERM" and settings.cold_on_sigterm)
        cold = cold or (name == "SIGINT" and self._interrupted)
        self._interrupted = self._interrupted or name == "SIGINT"
        soft = settings.soft_shutdown_timeout if cold and not self._cold else 0
        self._cold = self._cold or cold
        self._listeners.tell("signalled", name, cold)
        if not cold:
            logger.info("stopping: %s, running jobs end first", name)
            self.request_stop(None if stopping else settings.drain_timeout)
        elif soft and self._consumer.running():
            logger.warning("Initiating Soft Shutdown, terminating in %s seconds", soft)
            self.request_stop(soft)
        else:
            logger.warning("stopping at once: %s, running jobs are handed back", name)
            self.request_stop(0)
