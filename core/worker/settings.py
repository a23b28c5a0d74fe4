"""Settings of a worker, checked when it is made."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import TypedDict

from ..backoff import BackoffStrategy
from ..errors import InvalidOption
from ..options import Keep, check_names
from .trip import Limiter


class WorkerOptions(TypedDict, total=False):
    """Keyword options of `Worker`.

    Keys:
        concurrency: how many jobs at once.
        pool: ``threads`` or ``solo``.
        name: shown to other tools; no spaces.
        lock_duration: ms that a lock lives without renewal.
        stalled_interval: ms between two stalled checks.
        max_stalled_count: how many stalls of a job are forgiven.
        drain_delay: s after which an idle worker looks again in any case.
        limiter: `Limiter`: at most so many jobs in so many ms.
        size_limit: bytes of data beyond which a job is failed unseen.
        remove_on_complete, remove_on_fail: `Keep` for jobs that do not say themselves.
        strategies: custom backoff strategies by type name.
    """

    concurrency: int
    pool: str
    name: str
    lock_duration: int
    stalled_interval: int
    max_stalled_count: int
    drain_delay: float
    limiter: Limiter | None
    size_limit: int | None
    remove_on_complete: Keep | None
    remove_on_fail: Keep | None
    strategies: Mapping[str, BackoffStrategy]


@dataclass(frozen=True)
class WorkerSettings:
    """See `WorkerOptions`. Defaults are BullMQ's (protocol 10.2)."""

    concurrency: int = 1
    pool: str = "threads"
    name: str = ""
    lock_duration: int = 30_000
    stalled_interval: int = 30_000
    max_stalled_count: int = 1
    drain_delay: float = 5.0
    limiter: Limiter | None = None
    size_limit: int | None = None
    remove_on_complete: Keep | None = None
    remove_on_fail: Keep | None = None
    strategies: Mapping[str, BackoffStrategy] = field(default_factory=dict)
    largest_fetch: int = 50
    worker_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        for name in ("concurrency", "lock_duration", "stalled_interval"):
            _check_number(name, getattr(self, name), least=1)
        _check_number("max_stalled_count", self.max_stalled_count, least=0)
        if self.drain_delay <= 0:
            raise InvalidOption(f"drain_delay is a time in s above 0, not {self.drain_delay!r}")
        if any(char.isspace() or not char.isprintable() for char in self.name):
            raise InvalidOption(
                f"a worker's name has no spaces or control characters: {self.name!r}"
            )


def worker_settings(options: Mapping[str, Any]) -> WorkerSettings:
    """Checked settings.

    Raises:
        InvalidOption: an unknown option (with the nearest known one), or a value out of range.
    """
    check_names(options, tuple(WorkerOptions.__annotations__), "worker option")
    return WorkerSettings(**options)


def _check_number(name: str, value: Any, *, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidOption(f"{name} is a whole number from {least}, not {value!r}")
