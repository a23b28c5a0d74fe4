"""Fixtures of the tests with Node: the queue of a test as Python sees it, and bull-board."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bullrush.core import Queue, QueueEvents
from bullrush.core.worker import Worker
from tests.support.bull_board import BullBoard
from tests.support.node_peer import VERSIONS, NodePeer
from tests.support.schedules import Schedules
from tests.support.sides import Sides
from tests.support.stored import Stored
from tests.support.trips import Hands


@pytest.fixture
def queue(redis_url: str, queue_name: str) -> Iterator[Queue]:
    """The queue, seen from Python."""
    with Queue(queue_name, url=redis_url) as queue:
        yield queue


@pytest.fixture
def events(redis_url: str, queue_name: str) -> Iterator[QueueEvents]:
    """Its events, seen from Python."""
    with QueueEvents(queue_name, url=redis_url) as events:
        yield events


@pytest.fixture
def stored(queue: Queue) -> Stored:
    """What is in Redis for it."""
    return Stored(queue.driver, queue.name)


@pytest.fixture
def hands(queue: Queue) -> Hands:
    """A Python worker by hand."""
    return Hands(queue)


@pytest.fixture
def start_worker(redis_url: str, queue_name: str) -> Iterator[Callable[..., Worker]]:
    """Starts Python workers; all are stopped at the end."""
    started: list[Worker] = []

    def start(handler: Any, **options: Any) -> Worker:
        started.append(Worker(queue_name, handler, url=redis_url, **options))
        return started[-1].start()

    yield start
    for worker in started:
        worker.stop(timeout=10)


@pytest.fixture
def sides(queue: Queue, node: NodePeer, start_worker: Callable[..., Worker]) -> Sides:
    """The queue of the test, from both sides."""
    return Sides(queue, node, start_worker)


@pytest.fixture
def schedules(sides: Sides, stored: Stored) -> Schedules:
    """The job schedulers of that queue."""
    return Schedules(sides, stored)


@pytest.fixture(scope="session")
def shared_boards(redis_url: str) -> Iterator[Callable[[str], BullBoard]]:
    """Gives the board over a version of BullMQ; started when first asked for."""
    started: dict[str, BullBoard] = {}

    def get(version: str) -> BullBoard:
        if version not in started:
            started[version] = BullBoard(VERSIONS[version][0], redis_url)
        return started[version]

    yield get
    for board in started.values():
        board.close()


@pytest.fixture
def board(
    node_version: str, shared_boards: Callable[[str], BullBoard], queue_name: str
) -> Iterator[BullBoard]:
    """bull-board, showing the queue of the test."""
    board = shared_boards(node_version).serve(queue_name)
    yield board
    board.serve()
    assert not board.unhandled()
