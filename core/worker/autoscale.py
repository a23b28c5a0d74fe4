"""The autoscale service: more slots while jobs wait, fewer when slots stay idle."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InvalidOption
from ..pools import Pool
from .service import Service

if TYPE_CHECKING:
    from .consumer import Consumer

logger = logging.getLogger("bullrush.worker")

#: s between two looks.
INTERVAL = 1.0
#: s that slots must have been idle before one goes.
KEEP = 30.0


@dataclass(frozen=True)
class Autoscale:
    """Bounds of the number of slots.

    Args:
        most, least: how many jobs run at once.
        keep: s that slots must have been idle before their number falls.
    """

    most: int
    least: int = 1
    keep: float = KEEP

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise InvalidOption(
                f"autoscale is from 1 up: least={self.least} must not be above most={self.most}"
            )


class AutoscaleService(Service):
    """Looks every second.

    Args:
        bounds: see `Autoscale`.
        pool: grows and shrinks.
        consumer: knows whether jobs wait.
        changed: told after a change.
    """

    def __init__(
        self, bounds: Autoscale, pool: Pool, consumer: Consumer, changed: Callable[[], None]
    ) -> None:
        super().__init__("autoscale", INTERVAL)
        self.bounds, self.pool, self.consumer = bounds, pool, consumer
        self.changed = changed
        self._busy_at = time.monotonic()

    def tick(self) -> None:
        """Look once."""
        slots, busy = self.pool.slots, self.pool.free() <= 0
        if busy:
            self._busy_at = time.monotonic()
        if busy and self.consumer.is_hungry() and slots < self.bounds.most:
            # By half, so that a burst is met in a few seconds.
            self._resize(min(self.bounds.most, slots + max(1, slots // 2)))
        elif slots > self.bounds.least and time.monotonic() - self._busy_at >= self.bounds.keep:
            self._busy_at = time.monotonic()
            self._resize(slots - 1)

    def _resize(self, slots: int) -> None:
        logger.info("scaled from %d to %d slots", self.pool.slots, slots)
        self.pool.resize(slots)
        self.changed()
