"""Jobs that were handed out to a fetch whose reply never came."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass

from ..calls import run
from ..clock import now_ms
from ..errors import ServerError
from ..job import Job
from ..outcome import Returned
from ..queue import Queue
from ..records import KEEP_ALL, record_of
from ..trip import Request, commit_and_fetch
from .owners import view_owners

logger = logging.getLogger("bullrush.worker")

#: How many active jobs are looked at.
_MOST = 10_000


@dataclass(frozen=True)
class LostFetch:
    """A fetch without a reply.

    Args:
        token: what it asked the locks to hold.
        client_id: the server's number of its connection, which may not know that nobody is there
            any more and still wait for a job; None when it waits for nothing.
        client_name: the name of that connection. After a failover the number is that of another
            server's client, who must not be disturbed.
    """

    token: str
    client_id: int | None = None
    client_name: str = ""

    def reclaim(self, queue: Queue) -> None:
        """Give back what it was handed: nobody else knows that no handler has seen these jobs,
        which would wait until their locks run out.

        Raises:
            BullrushError: as `Driver.execute`.
        """
        if self.client_id is not None:
            # A user may not be allowed to; then the server's own timeout ends the wait.
            with contextlib.suppress(ServerError):
                line = queue.driver.execute(("CLIENT", "LIST", "ID", self.client_id))
                if f" name={self.client_name} ".encode() in line:
                    queue.driver.execute(("CLIENT", "KILL", "ID", self.client_id))
        owners = run(queue.driver, view_owners(queue, _MOST))
        jobs = [Job(queue.keys.base, job_id, {}) for job_id, token in owners if token == self.token]
        if not jobs:
            return
        records = [record_of(job, self.token, Returned(started=False), KEEP_ALL) for job in jobs]
        request = Request(now=now_ms(), token=self.token, lock_ms=1, most=0)
        run(queue.driver, commit_and_fetch(queue.keys, records, request))
        for job in jobs:
            logger.warning("given back: job %s of %s, whose fetch was lost", job.id, queue.name)
