"""The worker: small services around one commit-and-fetch script."""

from ..delivery import Delivery
from ..trip import Limiter
from .autoscale import Autoscale
from .execution import Handler
from .settings import WorkerOptions
from .share import QueueShare
from .worker import Worker

__all__ = [
    "Autoscale",
    "Delivery",
    "Handler",
    "Limiter",
    "QueueShare",
    "Worker",
    "WorkerOptions",
]
