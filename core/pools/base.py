"""The seam between the worker and what runs its handlers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from ..delivery import Delivery, Finished

#: Does the whole work of one delivery and never raises.
Run: TypeAlias = Callable[[Delivery], Finished]
#: Puts what came of a delivery into the worker's inbox; safe from any thread.
Report: TypeAlias = Callable[[Finished], None]


class Pool(Protocol):
    """Runs deliveries.

    Attributes:
        slots: how many deliveries it can hold at once; the worker never submits more.
    """

    slots: int

    def start(self, run: Run, report: Report) -> None:
        """Get ready. Called once, before the first delivery."""

    def submit(self, delivery: Delivery) -> None:
        """Have a delivery run and reported."""

    def stop(self, timeout: float | None) -> bool:
        """Let running deliveries end, for at most `timeout` s. Whether all have ended."""
