"""An application's connections, queues and event readers in this process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from bullrush.core import Queue, QueueEvents
from bullrush.core.drivers import Driver
from bullrush.core.environment import key_prefix
from bullrush.core.private_keys import strays_of

from ..result.endings import Endings
from ..utils.dispatch import Signal
from .headers import queue_name
from .locating import broker_location, key_prefix_of, open_driver
from .settings import Settings

if TYPE_CHECKING:
    from .outage import Outage
    from .registry import TaskRegistry


class Connecting:
    """The part of `Celery` that talks to Redis.

    Attributes:
        on_after_fork: sent in a child process after a fork.
    """

    conf: Settings
    tasks: TaskRegistry
    _named_queues: Callable[[], list[str]]
    outage: Outage

    def _start_connecting(self) -> None:
        self.on_after_fork: Signal = Signal(name="app.on_after_fork")
        self._guard = threading.RLock()
        self._pid = os.getpid()
        self._driver: Driver | None = None
        self._queues: dict[str, Queue] = {}
        self._events: dict[str, QueueEvents] = {}
        self._endings: dict[str, Endings] = {}

    @property
    def driver(self) -> Driver:
        """The connections of this process; a child after a fork makes its own."""
        with self._guard:
            if self._pid != os.getpid():
                self.after_fork()
            if self._driver is None:
                self._driver = open_driver(self.conf)
            return self._driver

    def broker_location(self) -> str:
        """The URL of Redis, with its secrets.

        Raises:
            ImproperlyConfigured: the settings name another broker.
        """
        return broker_location(self.conf)

    @property
    def prefix(self) -> str:
        """What every key in Redis starts with."""
        return key_prefix(key_prefix_of(self.conf), configured=self.broker_location())

    def queue(self, name: str) -> Queue:
        """The queue of that name; the same object every time."""
        driver = self.driver
        with self._guard:
            if name not in self._queues:
                self._queues[name] = Queue(name, driver=driver, prefix=self.prefix)
            return self._queues[name]

    def events_of(self, name: str) -> QueueEvents:
        """The started event reader of a queue, shared by all results."""
        driver = self.driver
        with self._guard:
            if name not in self._events:
                self._events[name] = QueueEvents(name, driver=driver, prefix=self.prefix)
            return self._events[name].start()

    def stray_events(self) -> QueueEvents:
        """The started reader of what is told of results that belong to no job."""
        keys, driver = strays_of(self.prefix), self.driver
        with self._guard:
            if keys.base not in self._events:
                found = QueueEvents(keys.queue, driver=driver, prefix=keys.prefix)
                self._events[keys.base] = found
            return self._events[keys.base].start()

    def known_queues(self) -> list[str]:
        """Every queue that the settings, the routes, the tasks and earlier calls name."""
        names = [*self._named_queues(), *self._queues]
        names += [queue_name(task.queue) or "" for task in self.tasks.values()]
        return [name for name in dict.fromkeys(names) if name]

    def after_fork(self) -> None:
        """Called in a child process: its connections are its parent's, so it makes its own."""
        if self._pid != os.getpid():
            self._guard = threading.RLock()  # another thread of the parent may have held it
            self._pid, self._driver = os.getpid(), None
            self._queues, self._events, self._endings = {}, {}, {}
            self.outage.after_fork()
            self.on_after_fork.send(sender=self)

    def disconnect(self) -> None:
        """Close the connections of this process; a later use makes new ones."""
        with self._guard:
            driver, self._driver = self._driver, None
            events, self._events, self._queues = self._events, {}, {}
            self._endings = {}
        for each in events.values():
            each.close()
        if driver is not None:
            driver.close()
