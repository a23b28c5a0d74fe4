"""Keys that expire: Redis counts real time, so they are aged by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bullrush.core.keys import key_pattern

if TYPE_CHECKING:
    from bullrush.core.drivers import Driver

    from ..app.base import Celery


def age_keys(app: Celery, span: int) -> None:
    """Let every key of the application live `span` ms less: locks, rate limits, deduplication.
    Those whose time is over go.
    """
    driver = app.driver
    keys = list(find_keys(driver, app.prefix))
    left = driver.execute_many([("PTTL", key) for key in keys])
    commands: list[tuple[Any, ...]] = []
    for key, ttl in zip(keys, left, strict=True):
        if ttl > span:
            commands.append(("PEXPIRE", key, ttl - span))
        elif ttl > 0:
            commands.append(("DEL", key))
    driver.execute_many(commands)


def find_keys(driver: Driver, prefix: str) -> Iterator[bytes]:
    """All keys under a prefix."""
    cursor, pattern = b"0", key_pattern(prefix)
    while True:
        cursor, found = driver.execute(("SCAN", cursor, "MATCH", pattern, "COUNT", 1000))
        yield from found
        if cursor == b"0":
            return
