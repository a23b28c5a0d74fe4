"""Revoked tasks: what an application writes, and the error that ends a run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bullrush.core.calls import Batch, run
from bullrush.core.errors import JobCancelled
from bullrush.core.keys import FleetKeys
from bullrush.core.revocations import Revocations

from .exceptions import TaskRevokedError
from .failures import record_of
from .result.looking import job_ids_of

if TYPE_CHECKING:
    from .app.base import Celery

#: How many ids are remembered, and for how long, s; by the variables that Celery reads.
MOST = int(os.environ.get("CELERY_WORKER_REVOKES_MAX", "50000"))
EXPIRES = float(os.environ.get("CELERY_WORKER_REVOKE_EXPIRES", "10800"))


class Revocation(JobCancelled):
    """Ends a run, or keeps it from starting, because the task was revoked.

    Args:
        reason: for the TaskRevokedError.
        signum: the signal that ended its process.
    """

    def __init__(self, reason: str = "terminated", signum: int | None = None) -> None:
        super().__init__(reason, signum)
        self.reason, self.signum = reason, signum

    def __str__(self) -> str:
        return self.reason

    @property
    def terminated(self) -> bool:
        """Whether it was running."""
        return self.reason == "terminated"


class AppRevocations:
    """What an application has revoked, in Redis."""

    def __init__(self, app: Celery) -> None:
        self.app = app

    @property
    def stored(self) -> Revocations:
        """Those of the fleet."""
        app = self.app
        keys = FleetKeys(app.prefix, app.conf.control_exchange)
        return Revocations(app.driver, keys, MOST, int(EXPIRES * 1000))

    def revoke(self, ids: Sequence[str]) -> None:
        """Remember the ids, and fail every task of them that waits.

        Raises:
            InvalidJobId: an id that no task can have.
            ConnectionFailed: Redis did not answer.
        """
        jobs = [job for each in ids for job in job_ids_of(each)]
        if not jobs:
            return
        self.stored.add(ids=ids)
        queues = [self.app.queue(name) for name in self.app.known_queues()]
        calls = [
            queue.fail_waiting_call(job, "revoked", RECORD) for queue in queues for job in jobs
        ]
        run(self.app.driver, Batch(calls, len))

    def add_rule(self, headers: Mapping[str, Any]) -> None:
        """Remember that no task may run that has a stamp with one of these values.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        rules = [
            json.dumps({"header": name, "value": each}, sort_keys=True, default=repr)
            for name, values in headers.items()
            for each in as_list(values)
        ]
        self.stored.add(rules=rules)


def as_list(value: Any) -> list[Any]:
    """One value or several, as several."""
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else [value]


#: What is stored of a task that was revoked before it ran.
RECORD = record_of(TaskRevokedError("revoked"))
