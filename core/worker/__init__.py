"""The worker: small services around one commit-and-fetch script."""

from ..trip import Limiter
from .execution import Handler
from .settings import WorkerOptions
from .worker import Worker

__all__ = ["Handler", "Limiter", "Worker", "WorkerOptions"]
