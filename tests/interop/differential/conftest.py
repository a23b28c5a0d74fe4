"""The machine: one Node process and one connection for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bullrush.core.drivers import connect
from tests.support.node_peer import NodePeer

from .runs import Machine


@pytest.fixture(scope="session")
def shared_machine(redis_url: str) -> Iterator[Machine]:
    """Node BullMQ 6.7 and our library on one Redis."""
    with NodePeer("bullmq", redis_url, script="differential.js") as node:
        driver = connect(redis_url)
        yield Machine(node, driver)
        driver.close()


@pytest.fixture
def machine(shared_machine: Machine) -> Iterator[Machine]:
    """The machine; nothing that Node could not handle may happen during a test."""
    yield shared_machine
    shared_machine.clear()
    unhandled = shared_machine.node.events("unhandled")
    assert not unhandled, f"Node did not handle: {unhandled}"
