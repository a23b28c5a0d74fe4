"""The real server of a test process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager

from bullrush.core.drivers import connect
from bullrush.core.drivers.server_binary import ServerProcess

#: Names a server that is running already; the tests then share it.
OVERRIDE = "BULLRUSH_TEST_REDIS_URL"
_private: list[str] = []


@contextmanager
def running_redis() -> Iterator[str]:
    """The URL of a private server that lives as long as the block, or of the one that
    BULLRUSH_TEST_REDIS_URL names."""
    given = os.environ.get(OVERRIDE)
    if given:
        yield given
        return
    with ServerProcess() as server:
        _private.append(server.url)
        yield server.url
        _private.remove(server.url)


def empty_private_server() -> None:
    """Remove all keys from the server that this process has started, if it has."""
    for url in _private:
        with closing(connect(url)) as driver:
            driver.execute(("FLUSHALL", "ASYNC"))
