"""Listening to a queue, and waiting for a job to finish (protocol part 1, section 9). A class for
each colour: a reader thread and a reader task cannot be the same thing.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from typing_extensions import Self

from .drivers import AsyncConnection, AsyncDriver, Connection, Driver, connect, connect_async
from .environment import redis_url
from .errors import BullrushError
from .event_stream import (
    BLOCK_MS,
    Ending,
    Event,
    Listener,
    Stream,
    ending_in,
    ending_of,
    time_to_look,
    value_of,
)
from .keys import DEFAULT_PREFIX
from .queue import AsyncQueue, Queue

logger = logging.getLogger(__name__)


class QueueEvents:
    """Reads the events of a queue in a thread of its own. Every reader sees every event.

    Args:
        name: the queue.
        url, driver, prefix: as `Queue`.
        last_event_id: start after that entry; by default with the first event after `start`.
        blocking_timeout: ms after which it asks again; idle readers ask that often.

    Raises:
        InvalidOption: `blocking_timeout` is no whole number from 1.
    """

    def __init__(
        self,
        name: str,
        *,
        url: str | None = None,
        driver: Driver | None = None,
        prefix: str = DEFAULT_PREFIX,
        last_event_id: str | None = None,
        blocking_timeout: int = BLOCK_MS,
    ) -> None:
        self._owns_driver = driver is None
        self.driver = driver if driver is not None else connect(redis_url(url))
        self.queue = Queue(name, driver=self.driver, prefix=prefix)
        self._stream = Stream(self.queue.keys.events, last_event_id, blocking_timeout)
        self._guard = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None

    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every event of that name, in the reader's thread.

        Args:
            name: an event, ``completed`` or one of your own; with a job, ``completed:<job id>``;
                ``*`` for all; or ``error`` for errors of Redis that the reader met.

        Returns:
            A function that takes the listener away again.
        """
        return self._stream.on(name, listener)

    def once(self, name: str, listener: Listener) -> Callable[[], None]:
        """As `on`, for the first such event only."""
        return self._stream.once(name, listener)

    def start(self) -> Self:
        """Start to read; from now on no event is missed. A second start does nothing.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        with self._guard:
            if self._thread is None:
                if self._stream.position is None:
                    self._stream.start_after(self.driver.execute(self._stream.newest()))
                self._connection = self.driver.dedicated(
                    self.queue.keys.events_client_name(), self._stream.longest_wait
                )
                self._thread = threading.Thread(
                    target=self._loop, args=(self._connection,), name="bullrush-events", daemon=True
                )
                self._thread.start()
        return self

    def close(self) -> None:
        """Stop reading."""
        self._closed.set()
        if self._connection is not None:
            self._connection.close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5)
        if self._owns_driver:
            self.driver.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.close()

    def wait_until_finished(self, job_id: str, timeout: float | None = None) -> Any:
        """The value that a job returned, as soon as it is there (protocol 9.4).

        Args:
            timeout: s to wait; None for as long as it takes.

        Raises:
            JobFailed: the job failed; the message is its failedReason.
            JobNotFound: there is no such job.
            WaitTimeout: it did not finish in time.
            ConnectionFailed: Redis did not answer.
        """
        return value_of(job_id, self.wait_for_end(job_id, timeout))

    def wait_for_end(self, job_id: str, timeout: float | None = None) -> Ending:
        """As `wait_until_finished`, but a failure is returned, not raised."""
        deadline = None if timeout is None else time.monotonic() + timeout
        ended = threading.Event()
        endings: list[Ending] = []

        def listen(event: Event) -> None:
            endings.append(ending_of(event))
            ended.set()

        self.start()
        forget = [self.on(f"{name}:{job_id}", listen) for name in ("completed", "failed")]
        try:
            while not endings:
                ending = ending_in(job_id, self.queue.view(job_id), endings)
                if ending is not None:
                    return ending
                ended.wait(time_to_look(job_id, deadline, timeout))
            return endings[-1]
        finally:
            for each in forget:
                each()

    def _loop(self, connection: Connection) -> None:
        while not self._closed.is_set():
            try:
                self._stream.dispatch(connection.execute(self._stream.read()))
            except BullrushError as error:
                if not self._closed.is_set():
                    logger.warning("events of %s: %s", self.queue.name, error)
                    self._stream.tell_error(error)
                self._closed.wait(self._stream.pause())


class AsyncQueueEvents:
    """As `QueueEvents`, for asyncio: the reader is a task, listeners are called in the loop."""

    def __init__(
        self,
        name: str,
        *,
        url: str | None = None,
        driver: AsyncDriver | None = None,
        prefix: str = DEFAULT_PREFIX,
        last_event_id: str | None = None,
        blocking_timeout: int = BLOCK_MS,
    ) -> None:
        self._owns_driver = driver is None
        self.driver = driver if driver is not None else connect_async(redis_url(url))
        self.queue = AsyncQueue(name, driver=self.driver, prefix=prefix)
        self._stream = Stream(self.queue.keys.events, last_event_id, blocking_timeout)
        self._task: asyncio.Task[None] | None = None
        self._connection: AsyncConnection | None = None
        self._closing = False

    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """See `QueueEvents.on`."""
        return self._stream.on(name, listener)

    def once(self, name: str, listener: Listener) -> Callable[[], None]:
        """See `QueueEvents.once`."""
        return self._stream.once(name, listener)

    async def start(self) -> Self:
        """See `QueueEvents.start`."""
        if self._task is None:
            if self._stream.position is None:
                self._stream.start_after(await self.driver.execute(self._stream.newest()))
            if self._task is None:  # another task may have been quicker
                self._connection = self.driver.dedicated(
                    self.queue.keys.events_client_name(), self._stream.longest_wait
                )
                self._task = asyncio.create_task(self._loop(self._connection))
        return self

    async def close(self) -> None:
        """Stop reading."""
        self._closing = True
        # A cancellation may be lost while the library opens the connection, so one is not enough.
        while self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=0.1)
        if self._connection is not None:
            await self._connection.close()
        if self._owns_driver:
            await self.driver.close()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def wait_until_finished(self, job_id: str, timeout: float | None = None) -> Any:
        """See `QueueEvents.wait_until_finished`."""
        return value_of(job_id, await self.wait_for_end(job_id, timeout))

    async def wait_for_end(self, job_id: str, timeout: float | None = None) -> Ending:
        """See `QueueEvents.wait_for_end`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        ended = asyncio.Event()
        endings: list[Ending] = []

        def listen(event: Event) -> None:
            endings.append(ending_of(event))
            ended.set()

        await self.start()
        forget = [self.on(f"{name}:{job_id}", listen) for name in ("completed", "failed")]
        try:
            while not endings:
                ending = ending_in(job_id, await self.queue.view(job_id), endings)
                if ending is not None:
                    return ending
                await _wait(ended, time_to_look(job_id, deadline, timeout))
            return endings[-1]
        finally:
            for each in forget:
                each()

    async def _loop(self, connection: AsyncConnection) -> None:
        while not self._closing:
            try:
                self._stream.dispatch(await connection.execute(self._stream.read()))
            except BullrushError as error:
                logger.warning("events of %s: %s", self.queue.name, error)
                self._stream.tell_error(error)
                await asyncio.sleep(self._stream.pause())


async def _wait(ended: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(ended.wait(), seconds)
    except asyncio.TimeoutError:
        return
