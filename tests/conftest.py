"""Fixtures of all tests. One real server for each test process, on a free port."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from bullrush.core.drivers.server_binary import ServerProcess


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis; BULLRUSH_TEST_REDIS_URL names one that is running already."""
    given = os.environ.get("BULLRUSH_TEST_REDIS_URL")
    if given:
        yield given
        return
    with ServerProcess() as server:
        yield server.url


@pytest.fixture
def queue_name() -> str:
    """A name that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}"
