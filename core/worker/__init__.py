"""The worker: small services around one commit-and-fetch script."""

from .execution import Handler
from .settings import WorkerOptions
from .trip import Limiter
from .worker import Worker

__all__ = ["Handler", "Limiter", "Worker", "WorkerOptions"]
