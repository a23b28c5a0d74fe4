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
from ..records import Retention
from ..trip import Limiter

_AT_LEAST_ONE = (
    "concurrency",
    "lock_duration",
    "stalled_interval",
    "run_retry_delay",
    "maximum_rate_limit_delay",
)


class WorkerOptions(TypedDict, total=False):
    """Keyword options of `Worker`.

    Keys:
        concurrency: how many jobs at once.
        pool: ``threads`` or ``solo``.
        name: shown to other tools; no spaces.
        lock_duration: ms that a lock lives without renewal.
        lock_renew_time: ms; locks are renewed twice in that time. Half of `lock_duration` by
            default.
        skip_lock_renewal: never renew a lock; a job that runs longer counts as stalled.
        stalled_interval: ms between two stalled checks.
        max_stalled_count: how many stalls of a job are forgiven.
        skip_stalled_check: leave the check to other workers.
        max_started_attempts: a job that was started more often is failed without a run.
        drain_delay: s after which an idle worker looks again in any case.
        run_retry_delay: ms; the longest pause before Redis is tried again after an error.
        limiter: `Limiter`: at most so many jobs in so many ms.
        maximum_rate_limit_delay: ms; the longest sleep before a closed rate limit is looked at
            again.
        metrics: for how many minutes to keep the number of completed and failed jobs, see
            `MetricsTime`; not counted by default.
        size_limit: bytes of data beyond which a job is failed unseen.
        remove_on_complete, remove_on_fail: `Keep` for jobs that do not say themselves.
        strategies: custom backoff strategies by type name.
    """

    concurrency: int
    pool: str
    name: str
    lock_duration: int
    lock_renew_time: int | None
    skip_lock_renewal: bool
    stalled_interval: int
    max_stalled_count: int
    skip_stalled_check: bool
    max_started_attempts: int | None
    drain_delay: float
    run_retry_delay: int
    limiter: Limiter | None
    maximum_rate_limit_delay: int
    metrics: int | None
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
    lock_renew_time: int | None = None
    skip_lock_renewal: bool = False
    stalled_interval: int = 30_000
    max_stalled_count: int = 1
    skip_stalled_check: bool = False
    max_started_attempts: int | None = None
    drain_delay: float = 5.0
    run_retry_delay: int = 5_000
    limiter: Limiter | None = None
    maximum_rate_limit_delay: int = 30_000
    metrics: int | None = None
    size_limit: int | None = None
    remove_on_complete: Keep | None = None
    remove_on_fail: Keep | None = None
    strategies: Mapping[str, BackoffStrategy] = field(default_factory=dict)
    largest_fetch: int = 50
    worker_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        for name in _AT_LEAST_ONE:
            _check_number(name, getattr(self, name), least=1)
        for name in ("lock_renew_time", "max_started_attempts", "metrics"):
            if getattr(self, name) is not None:
                _check_number(name, getattr(self, name), least=1)
        for name in ("skip_lock_renewal", "skip_stalled_check"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidOption(f"{name} is True or False, not {getattr(self, name)!r}")
        _check_number("max_stalled_count", self.max_stalled_count, least=0)
        if self.drain_delay <= 0:
            raise InvalidOption(f"drain_delay is a time in s above 0, not {self.drain_delay!r}")
        if any(char.isspace() or not char.isprintable() for char in self.name):
            raise InvalidOption(
                f"a worker's name has no spaces or control characters: {self.name!r}"
            )

    @property
    def retention(self) -> Retention:
        """What to keep of jobs that do not say themselves."""
        return Retention(self.remove_on_complete, self.remove_on_fail)

    @property
    def renewal_interval(self) -> float:
        """ms between two renewals of the locks."""
        return (self.lock_renew_time or self.lock_duration / 2) / 2


def worker_settings(options: Mapping[str, Any]) -> WorkerSettings:
    """Checked settings.

    Raises:
        InvalidOption: an unknown option (with the nearest known one), or a value out of range.
    """
    check_names(options, tuple(WorkerOptions.__annotations__), "worker option")
    return WorkerSettings(**options)


def _check_number(name: str, value: Any, *, least: int) -> None:
    if type(value) is not int or value < least:  # no subclass: Redis would not take it
        raise InvalidOption(f"{name} is a whole number from {least}, not {value!r}")
