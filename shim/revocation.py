"""Revoked tasks: the error that ends a run, and how long it is remembered."""

from __future__ import annotations

import os
from typing import Any

from bullrush.core.errors import JobCancelled

from .exceptions import TaskRevokedError
from .failures import record_of

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


def as_list(value: Any) -> list[Any]:
    """One value or several, as several."""
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else [value]


#: What is stored of a task that was revoked before it ran.
RECORD = record_of(TaskRevokedError("revoked"))
