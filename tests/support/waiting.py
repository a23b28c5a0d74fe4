"""Waiting for something that gives no signal of its own. Where there is one, wait for that."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_INTERVAL = 0.005


def wait_until(condition: Callable[[], T], timeout: float = 10, what: str = "") -> T:
    """Ask until the answer is true, and return it. For state that is only in Redis.

    Args:
        condition: called in this thread, every few milliseconds.
        timeout: s.
        what: what is waited for, for the message.

    Raises:
        TimeoutError: it did not become true in time; the message holds the last answer.
    """
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what or condition} not within {timeout} s; last: {answer!r}")
        time.sleep(_INTERVAL)  # The last resort that the first line speaks of.
    return answer
