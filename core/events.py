"""The event stream of a queue: listen to it, and wait for a job to finish (protocol part 1, section
9).
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from typing_extensions import Self

from .calls import Command
from .drivers import AsyncConnection, AsyncDriver, Connection, Driver, connect, connect_async
from .environment import redis_url
from .errors import BullrushError, JobFailed, JobNotFound, WaitTimeout
from .keys import DEFAULT_PREFIX
from .operations import JobView
from .queue import AsyncQueue, Queue

logger = logging.getLogger(__name__)

#: A reader asks again at least this often, ms.
_BLOCK_MS = 10_000
#: A waiter looks at the job itself this often, s: an event may be trimmed before a slow reader sees
#: it.
_LOOK_AGAIN = 5.0
_PAUSE_AFTER_ERROR = 0.2


@dataclass(frozen=True)
class Event:
    """One entry of the stream.

    Args:
        id: its id in the stream.
        name: ``added``, ``waiting``, ``active``, ``progress``, ``completed``, ``failed``, ...
            (protocol 9.1)
        job_id: the job it is about; empty for events of the queue.
        fields: everything else as text; `value` decodes what is JSON.
    """

    id: str
    name: str
    job_id: str
    fields: dict[str, str]

    @property
    def value(self) -> Any:
        """The returned value of ``completed`` or the data of ``progress``; None when it is not
        JSON.
        """
        text = self.fields.get("returnvalue" if self.name == "completed" else "data")
        try:
            return json.loads(text) if text is not None else None
        except ValueError:
            return None


@dataclass(frozen=True)
class Ending:
    """How a job ended: `state` is ``completed`` with a `value`, or ``failed`` with a `reason`."""

    state: str
    value: Any = None
    reason: str = ""


Listener: TypeAlias = Callable[[Event], None]


class _Stream:
    """What both faces share: commands, parsing and listeners. No I/O."""

    def __init__(self, events_key: str, last_event_id: str | None) -> None:
        self.events_key = events_key
        self.position = last_event_id
        self.listeners: dict[str, list[Listener]] = defaultdict(list)

    def newest(self) -> Command:
        """Asks for the last entry. ``$`` would be resolved anew by every read and miss what comes
        between two of them.
        """
        return ("XREVRANGE", self.events_key, "+", "-", "COUNT", 1)

    def read(self) -> Command:
        """Asks for what follows the position."""
        return (
            "XREAD",
            "COUNT",
            500,
            "BLOCK",
            _BLOCK_MS,
            "STREAMS",
            self.events_key,
            self.position or "0-0",
        )

    def start_after(self, reply: Sequence[Any]) -> None:
        """Take the reply of `newest`."""
        self.position = reply[0][0].decode() if reply else "0-0"

    def dispatch(self, reply: Any) -> None:
        """Tell the listeners of every event. A listener that raises is logged and does not stop the
        others.
        """
        for entry_id, flat in reply[0][1] if reply else ():
            event = _event(entry_id, flat)
            self.position = event.id
            for listener in (*self.listeners[event.name], *self.listeners["*"]):
                try:
                    listener(event)
                except Exception:
                    logger.exception("a listener of %s raised", event.name)

    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """Add a listener; gives what takes it away again."""
        self.listeners[name] = [*self.listeners[name], listener]

        def forget() -> None:
            self.listeners[name] = [each for each in self.listeners[name] if each is not listener]

        return forget


class QueueEvents:
    """Reads the events of a queue in a thread of its own. Every reader sees every event.

    Args:
        name: the queue.
        url, driver, prefix: as `Queue`.
        last_event_id: start after that entry; by default with the first event after `start`.
    """

    def __init__(
        self,
        name: str,
        *,
        url: str | None = None,
        driver: Driver | None = None,
        prefix: str = DEFAULT_PREFIX,
        last_event_id: str | None = None,
    ) -> None:
        self._owns_driver = driver is None
        self.driver = driver if driver is not None else connect(redis_url(url))
        self.queue = Queue(name, driver=self.driver, prefix=prefix)
        self._stream = _Stream(self.queue.keys.events, last_event_id)
        self._guard = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None

    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every event of that name, in the reader's thread; ``*`` is every
        name.

        Returns:
            A function that takes the listener away again.
        """
        return self._stream.on(name, listener)

    def start(self) -> Self:
        """Start to read; from now on no event is missed. A second start does nothing.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        with self._guard:
            if self._thread is None:
                if self._stream.position is None:
                    self._stream.start_after(self.driver.execute(self._stream.newest()))
                self._connection = self.driver.dedicated(self.queue.keys.events_client_name())
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
        return _value_of(job_id, self.wait_for_end(job_id, timeout))

    def wait_for_end(self, job_id: str, timeout: float | None = None) -> Ending:
        """As `wait_until_finished`, but a failure is returned, not raised."""
        deadline = None if timeout is None else time.monotonic() + timeout
        ended = threading.Event()
        endings: list[Ending] = []

        def listen(event: Event) -> None:
            if event.job_id == job_id:
                endings.append(_ending_of(event))
                ended.set()

        self.start()
        forget = [self.on(name, listen) for name in ("completed", "failed")]
        try:
            while True:
                ending = _ending_in(job_id, self.queue.view(job_id), endings)
                if ending is not None:
                    return ending
                _wait(ended, job_id, deadline, timeout)
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
                self._closed.wait(_PAUSE_AFTER_ERROR)


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
    ) -> None:
        self._owns_driver = driver is None
        self.driver = driver if driver is not None else connect_async(redis_url(url))
        self.queue = AsyncQueue(name, driver=self.driver, prefix=prefix)
        self._stream = _Stream(self.queue.keys.events, last_event_id)
        self._task: asyncio.Task[None] | None = None
        self._connection: AsyncConnection | None = None

    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """See `QueueEvents.on`."""
        return self._stream.on(name, listener)

    async def start(self) -> Self:
        """See `QueueEvents.start`."""
        if self._task is None:
            if self._stream.position is None:
                self._stream.start_after(await self.driver.execute(self._stream.newest()))
            if self._task is None:  # another task may have been quicker
                self._connection = self.driver.dedicated(self.queue.keys.events_client_name())
                self._task = asyncio.create_task(self._loop(self._connection))
        return self

    async def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
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
        return _value_of(job_id, await self.wait_for_end(job_id, timeout))

    async def wait_for_end(self, job_id: str, timeout: float | None = None) -> Ending:
        """See `QueueEvents.wait_for_end`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        ended = asyncio.Event()
        endings: list[Ending] = []

        def listen(event: Event) -> None:
            if event.job_id == job_id:
                endings.append(_ending_of(event))
                ended.set()

        await self.start()
        forget = [self.on(name, listen) for name in ("completed", "failed")]
        try:
            while True:
                ending = _ending_in(job_id, await self.queue.view(job_id), endings)
                if ending is not None:
                    return ending
                await _wait_async(ended, job_id, deadline, timeout)
        finally:
            for each in forget:
                each()

    async def _loop(self, connection: AsyncConnection) -> None:
        while True:
            try:
                self._stream.dispatch(await connection.execute(self._stream.read()))
            except BullrushError as error:
                logger.warning("events of %s: %s", self.queue.name, error)
                await asyncio.sleep(_PAUSE_AFTER_ERROR)


def _event(entry_id: bytes, flat: Sequence[bytes]) -> Event:
    texts = [part.decode("utf-8", "replace") for part in flat]
    fields = dict(zip(texts[::2], texts[1::2], strict=False))
    return Event(entry_id.decode(), fields.pop("event", ""), fields.pop("jobId", ""), fields)


def _ending_of(event: Event) -> Ending:
    if event.name == "completed":
        return Ending("completed", value=event.value)
    return Ending("failed", reason=event.fields.get("failedReason", ""))


def _ending_in(job_id: str, view: JobView, endings: Sequence[Ending]) -> Ending | None:
    """How the job ended, by what an event said or by what is stored now.

    Raises:
        JobNotFound: it is gone, and no event told how.
    """
    if endings:
        return endings[-1]
    if view.job is None:
        raise JobNotFound(f"Missing key for job {job_id}. waitUntilFinished")
    if view.state == "completed":
        return Ending("completed", value=view.job.returnvalue)
    if view.state == "failed":
        return Ending("failed", reason=view.job.failed_reason or "")
    return None


def _value_of(job_id: str, ending: Ending) -> Any:
    if ending.state == "failed":
        raise JobFailed(job_id, ending.reason)
    return ending.value


def _slice(job_id: str, deadline: float | None, timeout: float | None) -> float:
    """How long to wait before the job is looked at again, s."""
    rest = _LOOK_AGAIN if deadline is None else min(_LOOK_AGAIN, deadline - time.monotonic())
    if rest <= 0:
        raise WaitTimeout(f"job {job_id} did not finish within {timeout} s")
    return rest


def _wait(
    ended: threading.Event, job_id: str, deadline: float | None, timeout: float | None
) -> None:
    ended.wait(_slice(job_id, deadline, timeout))


async def _wait_async(
    ended: asyncio.Event, job_id: str, deadline: float | None, timeout: float | None
) -> None:
    rest = _slice(job_id, deadline, timeout)
    try:
        await asyncio.wait_for(ended.wait(), rest)
    except asyncio.TimeoutError:
        return
