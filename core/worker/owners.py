"""The owner service: takes jobs back at once from workers of this machine that are proved dead,
where the stalled check waits for their locks to run out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from ..calls import Call, run
from ..queue import Queue
from ..scripts import script
from .identity import Identity, identity_of
from .listeners import nobody
from .service import Service

logger = logging.getLogger("bullrush.worker")

#: s between two looks, so how long a job of a killed worker waits at most. An idle queue costs one
#: command.
INTERVAL = 5.0
#: How many active jobs of a queue are looked at, the oldest first.
MOST = 500


class OwnerService(Service):
    """Looks who holds the active jobs of a worker's queues.

    Args:
        queues: the queues; the list may grow.
        here: who looks.
        forgiven: how many stalls of a job are forgiven before it is failed.
        told: called with queue name and job id of each job that is taken back.
    """

    def __init__(
        self,
        queues: Sequence[Queue],
        here: Identity,
        forgiven: int,
        told: Callable[[str, str], object] = nobody,
    ) -> None:
        super().__init__("owners", INTERVAL)
        self.queues = queues
        self.here = here
        self.forgiven = forgiven
        self.told = told

    def tick(self) -> None:
        """Look once at every queue."""
        for queue in self.queues:
            self.look(queue)

    def look(self, queue: Queue) -> list[str]:
        """Take back what dead workers hold; the ids."""
        if not queue.driver.execute(("EXISTS", queue.keys.active)):
            return []
        owners = run(queue.driver, view_owners(queue, MOST))
        found = [(each, identity_of(each[1])) for each in owners]
        gone = {identity for _, identity in found if identity and identity.is_gone(self.here)}
        orphans = [each for each, identity in found if identity in gone]
        return self.recover(queue, orphans) if orphans else []

    def recover(self, queue: Queue, orphans: Sequence[tuple[str, str]]) -> list[str]:
        """Take jobs back, given as (id, token), whose lock still has that token; the ids."""
        arguments: list[str | int] = [self.forgiven]
        for orphan in orphans:
            arguments += orphan
        recovered = run(queue.driver, _recover(queue, arguments))
        for job_id in recovered:
            logger.warning(
                "stalled: job %s of %s was taken back from a worker whose process is gone",
                job_id,
                queue.name,
            )
            self.told(queue.name, job_id)
        return recovered


def view_owners(queue: Queue, most: int) -> Call[list[tuple[str, str]]]:
    """The call that gives (id, token) of up to so many active jobs, the oldest first."""

    def read(reply: Any) -> list[tuple[str, str]]:
        texts = [each.decode("utf-8", "replace") for each in reply]
        return list(zip(texts[::2], texts[1::2], strict=True))

    return script("view_owners").call(queue.keys.base, [most], read)


def _recover(queue: Queue, arguments: Sequence[str | int]) -> Call[list[str]]:
    return script("recover_jobs").call(
        queue.keys.base, arguments, lambda ids: [each.decode() for each in ids]
    )
