"""Which pool a worker's settings ask for."""

from __future__ import annotations

from ..drivers import Driver
from ..errors import InvalidOption
from ..pools import (
    CoroutinePool,
    Plan,
    Pool,
    PreforkOptions,
    PreforkPool,
    SoloPool,
    ThreadPool,
)
from .execution import Execution
from .settings import WorkerSettings

#: Settings that only processes can honour -> what to use instead.
_ONLY_PREFORK = {
    "time_limit": "soft_time_limit, which any pool but solo can honour, or pool='prefork'",
    "max_tasks_per_child": "pool='prefork'",
    "max_memory_per_child": "pool='prefork'",
}


def make_pool(settings: WorkerSettings, execution: Execution, driver: Driver) -> Pool:
    """The pool.

    Raises:
        InvalidOption: a setting that this pool cannot honour; says what to use instead.
    """
    _check_fit(settings)
    if settings.pool == "solo":
        return SoloPool()
    if settings.pool == "threads":
        return ThreadPool(settings.concurrency, settings.coroutines)
    if settings.pool == "asyncio":
        return CoroutinePool(settings.concurrency, settings.coroutines)
    if driver.volatile:
        raise InvalidOption(
            f"pool='prefork' cannot work on {driver.location}: its data is in this process alone; "
            "use redis:// or pool='threads'"
        )
    plan = Plan(
        execution,
        driver.url,
        settings.name,
        settings.prepare_child,
        watch_memory=settings.max_memory_per_child is not None,
    )
    options = PreforkOptions(
        plan,
        settings.start_method,
        tuple(settings.preload),
        settings.max_tasks_per_child,
        settings.max_memory_per_child,
        settings.coroutines,
        settings.before_child,
    )
    return PreforkPool(settings.concurrency, options)


def _check_fit(settings: WorkerSettings) -> None:
    if settings.pool == "prefork":
        return
    for name, remedy in _ONLY_PREFORK.items():
        if name == "time_limit" and settings.pool == "asyncio":
            continue
        if getattr(settings, name) is not None:
            raise InvalidOption(
                f"{name} needs a process that can be killed, which pool={settings.pool!r} does not "
                f"have; use {remedy}"
            )
    if settings.pool == "solo" and settings.soft_time_limit is not None:
        raise InvalidOption(
            "soft_time_limit cannot interrupt pool='solo'; use prefork, threads or asyncio"
        )
