"""What the processes of an application know together, in Redis, of those who come."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from bullrush.core.calls import Batch, Call, run
from bullrush.core.drivers import Driver
from bullrush.core.keys import admin_key

logger = logging.getLogger(__name__)

#: s that Redis has to answer, and for which it is not asked again when it has not.
PATIENCE, REST = 1.0, 2.0


class Shared:
    """Asks Redis. While it is away, whoever asks goes by what its own process knows.

    Args:
        driver: gives the connection.
        prefix: what keys start with.
        clock: s.
    """

    def __init__(
        self,
        driver: Callable[[], Driver],
        prefix: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.prefix = prefix
        self._driver = driver
        self._clock = clock
        self._rests_until = 0.0
        self._is_away = False

    def ask(self, *calls: Call[Any]) -> Sequence[Any] | None:
        """The answers to these calls, sent together; None while Redis is away."""
        if self._clock() < self._rests_until:
            return None
        asking = _Asking(self._driver, calls)
        asking.start()
        asking.join(PATIENCE)
        if asking.answers is None:
            self._rests_until = self._clock() + REST
            told, self._is_away = self._is_away, True
            if not told:
                why = asking.error or "Redis does not answer"
                logger.warning("access goes by what this process knows: %s", why)
            return None
        self._is_away = False
        return asking.answers

    def key(self, kind: str, *parts: str | bytes) -> str:
        """The key of something that is no secret any more: it has a digest of these parts."""
        digest = hashlib.sha256()
        for part in parts:
            data = part if isinstance(part, bytes) else part.encode()
            digest.update(len(data).to_bytes(4, "big") + data)
        return admin_key(self.prefix, "access", kind, digest.hexdigest()[:40])


class _Asking(threading.Thread):
    """In a thread, since the timeout of a driver is longer than a request may wait."""

    def __init__(self, driver: Callable[[], Driver], calls: Sequence[Call[Any]]) -> None:
        super().__init__(name="bullrush-access", daemon=True)
        self._ask = driver, Batch(calls, list)
        self.answers: list[Any] | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        driver, batch = self._ask
        try:
            self.answers = run(driver(), batch)
        except Exception as error:
            self.error = error


def is_there(key: str) -> Call[bool]:
    """Whether a key exists."""
    return Call(("EXISTS", key), bool)


def put(key: str, life: int) -> Call[Any]:
    """Let a key exist for so many s."""
    return Call(("SET", key, "", "EX", life), bool)
