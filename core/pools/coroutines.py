"""Deliveries as coroutines on one event loop."""

from __future__ import annotations

from ..delivery import Delivery
from .threads import ThreadPool


class CoroutinePool(ThreadPool):
    """Runs coroutine functions on a loop in a thread of its own; plain functions run in threads
    beside it, so that none of them stops the others. The slots are for both kinds together.
    """

    def submit(self, delivery: Delivery) -> None:
        """See `Pool`."""
        if not self._work.is_coroutine(delivery):
            super().submit(delivery)
            return
        with self._guard:
            self._busy += 1
        self._coroutines.begin(delivery)
