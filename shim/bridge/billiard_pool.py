"""Stands for `billiard.pool`: other libraries wrap the loop of its processes, to send what they
still have before a process ends.
"""

from __future__ import annotations

from typing import Any

from ..signals import worker_process_shutdown


class Worker:
    """A child of a prefork worker, as others see it."""

    def workloop(self) -> None:
        """Nothing: tasks run elsewhere, and this is called when the last one has ended."""


def _end(**_: Any) -> None:
    Worker().workloop()


worker_process_shutdown.connect(_end, weak=False)
