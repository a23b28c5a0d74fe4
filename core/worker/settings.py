"""Settings of a worker, checked when it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import TypedDict

from ..backoff import BackoffStrategy
from ..errors import InvalidOption
from ..options import Keep, check_names
from ..pools import POOLS, TimeLimits
from ..pools.starting import START_METHODS
from ..records import Retention
from ..trip import Limiter
from .autoscale import Autoscale
from .identity import Identity

_TRUE_OR_FALSE = ("skip_lock_renewal", "skip_stalled_check", "measure", "cold_on_sigterm")
_AT_LEAST_ONE_IF_SET = (
    "lock_renew_time",
    "max_started_attempts",
    "metrics",
    "max_tasks_per_child",
    "max_memory_per_child",
)
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
        pool: ``prefork``, ``threads``, ``asyncio`` or ``solo``.
        coroutines: how many running coroutines do not count as slots, in a pool with threads or (of
            each child) in ``prefork``.
        soft_time_limit, time_limit: s that a run may take, see `TimeLimits`.
        start_method: ``forkserver``, ``spawn`` or ``fork``, for ``prefork``.
        preload: modules that the fork server imports once for all children.
        before_child: called in the worker before each child is made.
        prepare_child: called in each child before its first job.
        max_tasks_per_child: a child is replaced after that many jobs.
        max_memory_per_child: KiB; a child that holds more is replaced.
        drain_timeout: s that running jobs may take after the first SIGTERM or SIGINT before they
            are handed back; as long as it takes by default.
        soft_shutdown_timeout: s that they may still take after SIGQUIT, or a second SIGINT, before
            they are handed back; another signal ends that.
        cold_on_sigterm: take SIGTERM for SIGQUIT.
        autoscale: `Autoscale`: bounds between which the number of slots follows the load.
        fail_when_lost: fail a job whose child process died, instead of running it again.
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
        heartbeat_file: a file that is written every 10 s, for probes without HTTP.
        measure: count how long jobs wait and run, by their names, for `bullrush.core.exposition`.
        size_limit: bytes of data beyond which a job is failed unseen.
        remove_on_complete, remove_on_fail: `Keep` for jobs that do not say themselves.
        strategies: custom backoff strategies by type name.
    """

    concurrency: int
    pool: str
    coroutines: int
    soft_time_limit: float | None
    time_limit: float | None
    start_method: str
    preload: Sequence[str]
    before_child: Callable[[], None] | None
    prepare_child: Callable[[], None] | None
    max_tasks_per_child: int | None
    max_memory_per_child: int | None
    fail_when_lost: bool
    drain_timeout: float | None
    soft_shutdown_timeout: float
    cold_on_sigterm: bool
    autoscale: Autoscale | None
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
    measure: bool
    heartbeat_file: str | None
    size_limit: int | None
    remove_on_complete: Keep | None
    remove_on_fail: Keep | None
    strategies: Mapping[str, BackoffStrategy]


@dataclass(frozen=True)
class WorkerSettings:
    """See `WorkerOptions`. Defaults are BullMQ's (protocol 10.2)."""

    concurrency: int = 1
    pool: str = "threads"
    coroutines: int = 0
    soft_time_limit: float | None = None
    time_limit: float | None = None
    start_method: str = "forkserver"
    preload: Sequence[str] = ()
    before_child: Callable[[], None] | None = None
    prepare_child: Callable[[], None] | None = None
    max_tasks_per_child: int | None = None
    max_memory_per_child: int | None = None
    fail_when_lost: bool = False
    drain_timeout: float | None = None
    soft_shutdown_timeout: float = 0.0
    cold_on_sigterm: bool = False
    autoscale: Autoscale | None = None
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
    measure: bool = False
    heartbeat_file: str | None = None
    size_limit: int | None = None
    remove_on_complete: Keep | None = None
    remove_on_fail: Keep | None = None
    strategies: Mapping[str, BackoffStrategy] = field(default_factory=dict)
    largest_fetch: int = 50
    identity: Identity = field(default_factory=Identity.mine)

    def __post_init__(self) -> None:
        for name in _AT_LEAST_ONE:
            _check_number(name, getattr(self, name), least=1)
        for name in _AT_LEAST_ONE_IF_SET:
            if getattr(self, name) is not None:
                _check_number(name, getattr(self, name), least=1)
        for name in _TRUE_OR_FALSE:
            if not isinstance(getattr(self, name), bool):
                raise InvalidOption(f"{name} is True or False, not {getattr(self, name)!r}")
        for name in ("max_stalled_count", "coroutines"):
            _check_number(name, getattr(self, name), least=0)
        _check_pool(self.pool, self.start_method)
        _check_waits(self.drain_timeout, self.soft_shutdown_timeout)
        if self.autoscale is not None and self.pool == "solo":
            raise InvalidOption("autoscale needs a pool with several slots, which solo is not")
        _check_time_limits(self.soft_time_limit, self.time_limit)
        if self.drain_delay <= 0:
            raise InvalidOption(f"drain_delay is a time in s above 0, not {self.drain_delay!r}")
        if any(char.isspace() or not char.isprintable() for char in self.name):
            raise InvalidOption(
                f"a worker's name has no spaces or control characters: {self.name!r}"
            )

    @property
    def worker_id(self) -> str:
        """Unique in the fleet; the first part of every token."""
        return str(self.identity)

    @property
    def time_limits(self) -> TimeLimits:
        """How long a run may take."""
        return TimeLimits(self.soft_time_limit, self.time_limit)

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


def _check_pool(pool: str, start_method: str) -> None:
    if pool not in POOLS:
        raise InvalidOption(f"unknown pool {pool!r}; there are {', '.join(POOLS)}")
    if start_method not in START_METHODS:
        raise InvalidOption(
            f"start_method is one of {', '.join(START_METHODS)}, not {start_method!r}"
        )


def _check_waits(drain: float | None, soft: float) -> None:
    for name, value in (("drain_timeout", drain), ("soft_shutdown_timeout", soft)):
        if value is not None and (isinstance(value, bool) or not value >= 0):
            raise InvalidOption(f"{name} is a time in s, not {value!r}")


def _check_time_limits(soft: float | None, hard: float | None) -> None:
    for name, value in (("soft_time_limit", soft), ("time_limit", hard)):
        if value is not None and (isinstance(value, bool) or not value > 0):
            raise InvalidOption(f"{name} is a time in s above 0, not {value!r}")
    if soft is not None and hard is not None and soft > hard:
        raise InvalidOption(f"soft_time_limit={soft} is above time_limit={hard}; make it smaller")
