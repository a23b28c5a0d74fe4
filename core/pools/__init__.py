"""Pools: what runs a worker's handlers. `make_pool` knows them by name."""

from __future__ import annotations

from ..errors import InvalidOption
from .base import Pool
from .solo import SoloPool
from .threads import ThreadPool

__all__ = ["POOLS", "Pool", "SoloPool", "ThreadPool", "make_pool"]

POOLS = ("solo", "threads")


def make_pool(name: str, slots: int) -> Pool:
    """A pool by its name.

    Args:
        slots: how many deliveries at once; `solo` has always one.

    Raises:
        InvalidOption: no such pool, or no slots.
    """
    if isinstance(slots, bool) or not isinstance(slots, int) or slots < 1:
        raise InvalidOption(f"concurrency is a whole number from 1, not {slots!r}")
    if name == "solo":
        return SoloPool()
    if name == "threads":
        return ThreadPool(slots)
    raise InvalidOption(f"unknown pool {name!r}; there are {' and '.join(POOLS)}")
