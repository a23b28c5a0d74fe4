"""``billiard.exceptions`` where this library stands for Celery, so that a class from there catches
what a worker raises.
"""

from multiprocessing import AuthenticationError, BufferTooShort, ProcessError, TimeoutError

from ..exceptions import (
    SoftTimeLimitExceeded,
    Terminated,
    TimeLimitExceeded,
    WorkerLostError,
)

__all__ = [
    "AuthenticationError",
    "BufferTooShort",
    "CoroStop",
    "ProcessError",
    "RestartFreqExceeded",
    "SoftTimeLimitExceeded",
    "Terminated",
    "TimeLimitExceeded",
    "TimeoutError",
    "WorkerLostError",
]


class RestartFreqExceeded(Exception):
    """billiard's own pool restarts its processes too often."""


class CoroStop(Exception):
    """A coroutine of billiard's own pool is to end."""
