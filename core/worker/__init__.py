"""The worker: small services around one commit-and-fetch script."""

from ..batch import BatchDelivery, Batching
from ..delivery import Delivery
from ..trip import Limiter
from .autoscale import Autoscale
from .execution import Handler
from .pace import Pace
from .settings import WorkerOptions
from .share import QueueShare
from .worker import Worker

__all__ = [
    "Autoscale",
    "BatchDelivery",
    "Batching",
    "Delivery",
    "Handler",
    "Limiter",
    "Pace",
    "QueueShare",
    "Worker",
    "WorkerOptions",
]
