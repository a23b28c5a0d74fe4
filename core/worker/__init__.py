"""The worker: small services around one commit-and-fetch script."""

from ..delivery import Delivery
from ..trip import Limiter
from .execution import Handler
from .settings import WorkerOptions
from .worker import Worker

__all__ = ["Delivery", "Handler", "Limiter", "Worker", "WorkerOptions"]
