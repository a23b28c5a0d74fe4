"""Counting what a driver sends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from bullrush.core.calls import Command
from bullrush.core.drivers import Driver


class CountingDriver:
    """A driver that counts its round trips and commands; everything else is that of another.

    Args:
        inner: the driver.
    """

    def __init__(self, inner: Driver) -> None:
        self._inner = inner
        self._guard = threading.Lock()
        self.trips = 0
        self.commands = 0

    def _count(self, commands: int) -> None:
        with self._guard:
            self.trips += 1
            self.commands += commands

    def execute(self, command: Command) -> Any:
        """See `Driver`."""
        self._count(1)
        return self._inner.execute(command)

    def execute_many(self, commands: Sequence[Command]) -> list[Any]:
        """See `Driver`."""
        self._count(len(commands))
        return self._inner.execute_many(commands)

    def cost(self, act: Callable[[], object]) -> int:
        """The round trips of one act."""
        before = self.trips
        act()
        return self.trips - before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
