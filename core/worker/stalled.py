"""The stalled check: takes jobs back from workers that are gone (protocol 7.3)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from ..calls import run
from ..clock import now_ms
from ..job import id_of
from ..queue import Queue
from ..scripts import script
from .listeners import nobody
from .service import Service

logger = logging.getLogger("bullrush.worker")


class StalledService(Service):
    """Sweeps every queue of a worker. Of all workers of a queue only one sweeps in an interval.

    Args:
        interval_ms: ms between two sweeps.
        forgiven: how many stalls of a job are forgiven before it is failed.
        told: called with queue name and job id of each job that is taken back.
    """

    def __init__(
        self,
        queues: Sequence[Queue],
        interval_ms: int,
        forgiven: int,
        told: Callable[[str, str], object] = nobody,
    ) -> None:
        super().__init__("stalled", interval_ms / 1000)
        self.queues = queues
        self.interval_ms = interval_ms
        self.forgiven = forgiven
        self.told = told

    def tick(self) -> None:
        """One sweep of every queue in which somebody works: an idle one costs one command."""
        for queue in self.queues:
            keys = queue.keys
            if not queue.driver.execute(("EXISTS", keys.active, keys.stalled)):
                continue
            for job_id in self.sweep(queue):
                logger.warning(
                    "stalled: job %s of %s was taken back from a lost worker", job_id, queue.name
                )
                self.told(queue.name, job_id)

    def sweep(self, queue: Queue) -> list[str]:
        """The ids that were taken back."""
        arguments = [now_ms(), self.interval_ms, self.forgiven]
        call = script("move_stalled").call(
            queue.keys.base, arguments, lambda ids: [id_of(each) for each in ids]
        )
        return run(queue.driver, call)
