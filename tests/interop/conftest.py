"""Fixtures of the interop tests: bull-board beside the Node processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.bull_board import BullBoard
from tests.support.node_peer import VERSIONS


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
