"""Every core test runs on Redis and on memory; tests of the queue run in both colours as well."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bullrush.core import (
    AsyncFlowProducer,
    AsyncQueue,
    AsyncQueueEvents,
    AsyncQueueEventsProducer,
    FlowProducer,
    Queue,
    QueueEvents,
    QueueEventsProducer,
)
from bullrush.core.drivers import Driver, connect
from bullrush.core.worker import Worker
from tests.support.awaited import Awaited
from tests.support.stored import Stored
from tests.support.trips import Hands


@pytest.fixture
def driver(url: str) -> Iterator[Driver]:
    """A connection to look at the stored data with."""
    driver = connect(url)
    yield driver
    driver.close()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A running event loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture(params=["blocking", "asyncio"])
def face(request: pytest.FixtureRequest) -> str:
    """Which colour the queue has."""
    return str(request.param)


@pytest.fixture
def make_queue(
    url: str, face: str, queue_name: str, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Any]]:
    """Makes queues of the face under test; all of one test share its name unless it gives
    another.
    """
    made: list[Any] = []

    def make(name: str = queue_name, **options: Any) -> Any:
        if face == "blocking":
            queue: Any = Queue(name, url=url, **options)
        else:
            queue = Awaited(AsyncQueue(name, url=url, **options), request.getfixturevalue("loop"))
        made.append(queue)
        return queue

    if face == "asyncio":
        request.getfixturevalue("loop")
    yield make
    for queue in made:
        queue.close()


@pytest.fixture
def queue(make_queue: Callable[..., Any]) -> Any:
    """A new queue."""
    return make_queue()


@pytest.fixture
def flows(url: str, face: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A flow producer of the face under test."""
    if face == "blocking":
        producer: Any = FlowProducer(url=url)
    else:
        producer = Awaited(AsyncFlowProducer(url=url), request.getfixturevalue("loop"))
    yield producer
    producer.close()


@pytest.fixture
def make_events(
    url: str, face: str, queue_name: str, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Any]]:
    """Makes event readers of the face under test, started unless told otherwise."""
    made: list[Any] = []

    def make(*, start: bool = True, **options: Any) -> Any:
        if face == "blocking":
            events: Any = QueueEvents(queue_name, url=url, **options)
        else:
            reader = AsyncQueueEvents(queue_name, url=url, **options)
            events = Awaited(reader, request.getfixturevalue("loop"))
        made.append(events)
        if start:
            events.start()
        return events

    if face == "asyncio":
        request.getfixturevalue("loop")
    yield make
    for events in made:
        events.close()


@pytest.fixture
def publisher(
    url: str, face: str, queue_name: str, request: pytest.FixtureRequest
) -> Iterator[Any]:
    """Whoever publishes events of their own, of the face under test."""
    publisher: Any
    if face == "blocking":
        publisher = QueueEventsProducer(queue_name, url=url)
    else:
        loop = request.getfixturevalue("loop")
        publisher = Awaited(AsyncQueueEventsProducer(queue_name, url=url), loop)
    yield publisher
    publisher.close()


@pytest.fixture
def hands(url: str, queue_name: str) -> Iterator[Hands]:
    """A worker by hand: takes jobs and commits outcomes, one trip at a time."""
    hands = Hands(Queue(queue_name, url=url))
    yield hands
    hands.queue.close()


@pytest.fixture
def make_hands(url: str) -> Iterator[Callable[[str], Hands]]:
    """Makes workers by hand for queues of any name."""
    made: list[Hands] = []

    def make(name: str) -> Hands:
        made.append(Hands(Queue(name, url=url)))
        return made[-1]

    yield make
    for hands in made:
        hands.queue.close()


@pytest.fixture
def start_worker(url: str, queue_name: str) -> Iterator[Callable[..., Worker]]:
    """Starts workers on the queue of the test; all are stopped at its end."""
    started: list[Worker] = []

    def start(handler: Any, *, queues: Any = queue_name, **options: Any) -> Worker:
        worker = Worker(queues, handler, url=url, **options)
        started.append(worker)
        return worker.start()

    yield start
    for worker in started:
        worker.stop(timeout=10)


@pytest.fixture
def stored(driver: Driver, queue_name: str) -> Stored:
    """What is in Redis for the queue of the test."""
    return Stored(driver, queue_name)
