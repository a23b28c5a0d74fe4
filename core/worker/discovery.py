"""The discovery service: finds the queues that fit a worker's patterns."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence

from ..drivers import Driver
from ..views import list_queues
from .service import Service
from .share import QueueShare

#: s between two looks. Each is a SCAN of the whole server, since BullMQ keeps no list of queues.
INTERVAL = 15.0


class DiscoveryService(Service):
    """Looks which queues there are.

    Args:
        driver, prefix: where.
        patterns: shares whose names are patterns.
        found: told of the share of every queue that fits one, each time it is seen.
    """

    def __init__(
        self,
        driver: Driver,
        prefix: str,
        patterns: Sequence[QueueShare],
        found: Callable[[QueueShare], None],
    ) -> None:
        super().__init__("discovery", INTERVAL)
        self.driver, self.prefix = driver, prefix
        self.patterns = patterns
        self.found = found

    def tick(self) -> None:
        """Look once."""
        for name in list_queues(self.driver, self.prefix):
            for pattern in self.patterns:
                if fnmatch.fnmatchcase(name, pattern.name):
                    self.found(pattern.of(name))
                    break
