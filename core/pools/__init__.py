"""Pools: what runs a worker's handlers."""

from __future__ import annotations

from .base import Hold, Pool, TimeLimits, Work
from .child import Plan
from .coroutines import CoroutinePool
from .prefork import PreforkOptions, PreforkPool
from .solo import SoloPool
from .threads import ThreadPool

__all__ = [
    "POOLS",
    "CoroutinePool",
    "Hold",
    "Plan",
    "Pool",
    "PreforkOptions",
    "PreforkPool",
    "SoloPool",
    "ThreadPool",
    "TimeLimits",
    "Work",
]

#: Names of the pools.
POOLS = ("prefork", "threads", "asyncio", "solo")
