"""A worker: takes jobs of some queues, gives them to a handler and stores what comes of them."""

from __future__ import annotations

import logging
import queue as queues
import signal
import threading
import time
from collections.abc import Sequence
from functools import partial
from types import FrameType
from typing import Any

from typing_extensions import Self, Unpack

from ..drivers import Driver, connect
from ..environment import redis_url
from ..errors import AuthenticationFailed, BullrushError, InvalidOption, JobCancelled
from ..keys import DEFAULT_PREFIX
from ..queue import Queue
from .choosing import make_pool
from .consumer import Consumer, Message
from .execution import Execution, Handler
from .feed import Feed
from .locks import LockService
from .marker import MarkerService
from .owners import OwnerService
from .service import Service
from .settings import WorkerOptions, worker_settings
from .stalled import StalledService

logger = logging.getLogger("bullrush.worker")


class Worker:
    """Runs jobs of one or several queues.

        Worker("emails", lambda delivery: send(**delivery.data)).run()

    Args:
        queues: the name of a queue, or several; they share the slots.
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
        queues: str | Sequence[str],
        handler: Handler,
        *,
        url: str | None = None,
        driver: Driver | None = None,
        prefix: str = DEFAULT_PREFIX,
        **options: Unpack[WorkerOptions],
    ) -> None:
        names = [queues] if isinstance(queues, str) else list(dict.fromkeys(queues))
        if not names:
            raise InvalidOption("a worker needs at least one queue")
        self.settings = worker_settings(options)
        self._owns_driver = driver is None
        self.driver = driver if driver is not None else connect(redis_url(url))
        self.queues = [Queue(name, driver=self.driver, prefix=prefix) for name in names]
        self.execution = Execution(
            handler,
            size_limit=self.settings.size_limit,
            strategies=self.settings.strategies,
            retention=self.settings.retention,
            max_started_attempts=self.settings.max_started_attempts,
            time_limits=self.settings.time_limits,
            max_stalled_count=self.settings.max_stalled_count,
            fail_when_lost=self.settings.fail_when_lost,
        )
        self._build()
        self._thread: threading.Thread | None = None
        self._deadline: float | None = None

    def _build(self) -> None:
        """Put the parts together: services around one consumer with one inbox."""
        settings = self.settings
        self._inbox: queues.SimpleQueue[Message] = queues.SimpleQueue()
        self.pool = make_pool(settings, self.execution, self.queues, self.driver)
        self._stalled = StalledService(
            self.queues, settings.stalled_interval, settings.max_stalled_count
        )
        self._owners = OwnerService(self.queues, settings.identity, settings.max_stalled_count)
        self._consumer = Consumer(settings, self.pool, self.execution, self._inbox)
        self._locks = LockService(
            settings.lock_duration, settings.renewal_interval, self._consumer.running
        )
        self._consumer.feeds = [self._feed(queue) for queue in self.queues]

    def _feed(self, queue: Queue) -> Feed:
        settings = self.settings
        marker = MarkerService(queue, settings.name, settings.worker_id, settings.drain_delay)
        feed = Feed(queue, marker, self.execution, self._consumer.settled, settings)
        marker.woken = partial(self._inbox.put, feed)
        return feed

    def run(self) -> None:
        """Work in this thread until `stop`, SIGTERM or SIGINT; running jobs end first. A second
        signal ends at once.

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
            timeout: s to wait for them; None for as long as it takes. What is not done by then
                stays locked and is taken back by another worker's stalled check.

        Returns:
            Whether everything was committed.
        """
        self.request_stop(timeout)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        return not self._consumer.running()

    def request_stop(self, timeout: float | None = None) -> None:
        """As `stop`, without waiting. Safe in a signal handler."""
        if timeout is not None:
            self._deadline = time.monotonic() + timeout
        self._consumer.stop(self._deadline)

    def pause(self) -> None:
        """Take no more jobs until `resume`; running ones end. Only this worker: nothing is written
        to Redis. See `Queue.pause` for all of them.
        """
        self._consumer.pause(True)

    def resume(self) -> None:
        """Take jobs again."""
        self._consumer.pause(False)

    def is_paused(self) -> bool:
        """Whether `pause` was the last word."""
        return self._consumer.paused

    def cancel(self, job_id: str, reason: str = "cancelled") -> bool:
        """End a job that this worker runs; it fails with `JobCancelled`, whatever attempts remain.

        Args:
            reason: the job's failedReason.

        Returns:
            Whether it is running here and the pool could end it. `solo` cannot.
        """
        error = JobCancelled(reason)
        return any(
            self.pool.cancel(delivery, error)
            for delivery in self._consumer.running()
            if delivery.job.id == job_id
        )

    @property
    def concurrency(self) -> int:
        """How many jobs run at once; may be set while the worker runs."""
        return self.pool.slots

    @concurrency.setter
    def concurrency(self, slots: int) -> None:
        if isinstance(slots, bool) or not isinstance(slots, int) or slots < 1:
            raise InvalidOption(f"concurrency is a whole number from 1, not {slots!r}")
        self.pool.resize(slots)
        self._inbox.put(None)

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

    def _services(self) -> list[Service]:
        services: list[Service] = [feed.marker for feed in self._consumer.feeds]
        if not self.settings.skip_lock_renewal:
            services.append(self._locks)
        if not self.settings.skip_stalled_check:
            services += [self._stalled, self._owners]
        return services

    def _work(self) -> None:
        self.pool.start(self.execution, self._consumer.report, partial(self._inbox.put, None))
        for service in self._services():
            service.start()
        logger.info(
            "initialized: worker %s on %s at %s, pool %s with %d slots",
            self.settings.name or self.settings.worker_id,
            ", ".join(queue.name for queue in self.queues),
            self.driver.location,
            self.settings.pool,
            self.pool.slots,
        )
        try:
            self._consumer.run()
        finally:
            self._shut_down()

    def _shut_down(self) -> None:
        for service in self._services():
            service.stop()
        self.pool.stop(0.0 if self._consumer.running() else None)
        for delivery in self._consumer.running():
            logger.warning("left behind: job %s of %s", delivery.job.id, delivery.queue.name)
        if self._owns_driver:
            self.driver.close()
        logger.info("stopped: worker %s", self.settings.name or self.settings.worker_id)

    def _catch_signals(self) -> dict[int, Any]:
        """Only the main thread may; elsewhere whoever embeds the worker stops it."""
        if threading.current_thread() is not threading.main_thread():
            return {}
        return {
            number: signal.signal(number, self._on_signal)
            for number in (signal.SIGTERM, signal.SIGINT)
        }

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._consumer.stopping:
            raise SystemExit(f"stopped at once by a second signal ({signal.Signals(number).name})")
        logger.info("stopping: %s, running jobs end first", signal.Signals(number).name)
        self.request_stop()
