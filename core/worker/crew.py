"""The parts of a worker: a pool, one consumer with one inbox, and small services around it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from functools import partial

from ..delivery import Delivery
from ..drivers import Driver
from ..queue import Queue
from .autoscale import AutoscaleService
from .choosing import make_pool
from .consumer import Consumer
from .discovery import DiscoveryService
from .execution import Execution
from .feed import Feed
from .heartbeat import HeartbeatService
from .inbox import Due, Inbox
from .listeners import Listeners
from .locks import LockService
from .marker import MarkerService
from .measuring import MeasuringService
from .owners import OwnerService
from .service import Service
from .settings import WorkerSettings
from .share import QueueShare
from .stalled import StalledService
from .standby import Standby

logger = logging.getLogger("bullrush.worker")


class Crew:
    """Puts them together, starts them and stops them.

    Args:
        shares: the queues.
        settings: the worker's.
        execution: runs deliveries.
        driver, prefix: where the queues are.
        listeners: told of what happens.
    """

    def __init__(
        self,
        shares: Sequence[QueueShare],
        settings: WorkerSettings,
        execution: Execution,
        driver: Driver,
        prefix: str,
        listeners: Listeners,
    ) -> None:
        self.settings, self.execution = settings, execution
        self.driver, self.prefix = driver, prefix
        self.listeners = listeners
        #: Grows when a pattern is given and queues are found.
        self.queues: list[Queue] = []
        self.inbox = Inbox()
        self.pool = make_pool(settings, execution, driver)
        self.consumer = Consumer(settings, self.pool, execution, self.inbox, listeners)
        self._guard = threading.Lock()
        self._started = False
        self._feeds: dict[str, Feed] = {}
        self._services: list[Service] = self._make_services(shares)
        for share in shares:
            if not share.is_pattern:
                self.add(share)

    def add(self, share: QueueShare) -> None:
        """Serve one more queue from now on; one that is served already is left as it is."""
        with self._guard:
            if any(queue.name == share.name for queue in self.queues):
                return
            known = self._feeds.get(share.name)
            if known is not None:
                known.share, known.removed = share, False
                self.queues.append(known.queue)
                self.inbox.put(known)
                return
            queue = Queue(share.name, driver=self.driver, prefix=self.prefix)
            feed = self._feeds[share.name] = self._feed(queue, share)
            self.queues.append(queue)
            self._services.append(feed.marker)
            if self._started:
                logger.info("found: queue %s", queue.name)
                self.inbox.put(feed)
            else:
                self.consumer.feeds = [*self.consumer.feeds, feed]

    def remove(self, name: str) -> bool:
        """Serve that queue no more; jobs of it that run end as ever. Whether it was served."""
        with self._guard:
            feed = self._feeds.get(name)
            if feed is None or feed.removed:
                return False
            feed.removed = True
            self.queues.remove(feed.queue)
        self.inbox.put(feed)
        return True

    @property
    def autoscaler(self) -> AutoscaleService | None:
        """The service that scales, if there is one."""
        found = (each for each in self._services if isinstance(each, AutoscaleService))
        return next(found, None)

    def _found(self, share: QueueShare) -> None:
        """A queue fits a pattern. One that was removed is left alone."""
        if share.name not in self._feeds:
            self.add(share)

    def start(self) -> None:
        """Start the pool and the services; the consumer runs in the thread of the caller."""
        self.pool.start(self.execution, self.consumer.report, self.look_again)
        with self._guard:
            self._started = True
            services = [each for each in self._services if not isinstance(each, MarkerService)]
        for service in services:
            service.start()

    def stop(self) -> None:
        """Stop the services and the pool. What still runs is left."""
        with self._guard:
            services = list(self._services)
        for service in services:
            service.stop()
        self.pool.stop(0.0 if self.consumer.left else None)

    def look_again(self) -> None:
        """Wake the consumer: something has changed. Safe from any thread."""
        self.inbox.put(None)

    def tell_fleet(self) -> None:
        """Write the record of this worker now."""
        for service in self._services:
            if isinstance(service, HeartbeatService):
                service.tick()

    def _make_services(self, shares: Sequence[QueueShare]) -> list[Service]:
        settings, consumer = self.settings, self.consumer
        services: list[Service] = [HeartbeatService(self)]
        if not settings.skip_lock_renewal:
            services.append(
                LockService(
                    settings.lock_duration,
                    settings.renewal_interval,
                    consumer.running,
                    self._lock_lost,
                )
            )
        if not settings.skip_stalled_check:
            forgiven, told = settings.max_stalled_count, partial(self.listeners.tell, "stalled")
            services += [
                StalledService(self.queues, settings.stalled_interval, forgiven, told),
                OwnerService(self.queues, settings.identity, forgiven, told),
            ]
        if settings.measure:
            services.append(self._measuring())
        patterns = [share for share in shares if share.is_pattern]
        if patterns:
            services.append(DiscoveryService(self.driver, self.prefix, patterns, self._found))
        if settings.autoscale is not None:
            services.append(
                AutoscaleService(settings.autoscale, self.pool, consumer, self.look_again)
            )
        return services

    def _measuring(self) -> MeasuringService:
        measuring = MeasuringService(self.driver, self.prefix)
        self.listeners.count = measuring.count
        self.listeners.on("stalled", measuring.count_stalled)
        return measuring

    def _lock_lost(self, delivery: Delivery) -> None:
        self.pool.lose(delivery)
        self.listeners.tell("lock_lost", delivery)

    def _feed(self, queue: Queue, share: QueueShare) -> Feed:
        settings = self.settings
        sleeper = (queue, settings.name, settings.worker_id, settings.drain_delay)
        marker = MarkerService(*sleeper)
        standby = Standby(*sleeper) if self.driver.watchable else None
        feed = Feed(queue, share, marker, standby, self.execution, self.consumer.settled, settings)
        marker.woken = partial(self.inbox.put, feed)
        marker.expects = lambda due_ms: self.inbox.put(Due(feed, due_ms))
        return feed
