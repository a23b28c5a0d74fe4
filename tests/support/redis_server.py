"""The real server of a test process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from bullrush.core.drivers.server_binary import ServerProcess

#: Names a server that is running already; the tests then share it.
OVERRIDE = "BULLRUSH_TEST_REDIS_URL"


@contextmanager
def running_redis() -> Iterator[str]:
    """The URL of a private server that lives as long as the block, or of the one that
    BULLRUSH_TEST_REDIS_URL names."""
    given = os.environ.get(OVERRIDE)
    if given:
        yield given
        return
    with ServerProcess() as server:
        yield server.url
