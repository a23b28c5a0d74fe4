"""Celery's commands that look at a worker. The first argument of each is its `Remote`."""

from __future__ import annotations

import datetime
import os
import platform
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bullrush.core.delivery import Delivery
from bullrush.core.job import Job

from ..ids import job_id_of
from ..version import release
from .panel import inspect_command

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from .remote import Remote

#: How many delayed jobs of each queue `scheduled` tells of.
MOST_SCHEDULED = 100


@inspect_command(default_timeout=0.2)
def ping(state: Remote, **kwargs: Any) -> Any:
    """Ask whether the worker is there."""
    return {"ok": "pong"}


@inspect_command(alias="dump_active")
def active(state: Remote, safe: bool = False, **kwargs: Any) -> Any:
    """List the tasks that run."""
    return [request.info(safe=safe) for request in state.active()]


@inspect_command(alias="dump_reserved")
def reserved(state: Remote, safe: bool = False, **kwargs: Any) -> Any:
    """List the tasks that are fetched and not started."""
    return [request.info(safe=safe) for request in state.reserved()]


@inspect_command(alias="dump_schedule")
def scheduled(state: Remote, safe: bool = False, **kwargs: Any) -> Any:
    """List tasks with an eta: the next of every queue."""
    return [
        {
            "eta": _due(job),
            "priority": 6,
            "request": state.request_of(Delivery(job, queue, "")).info(safe=safe),
        }
        for queue in list(state.worker.queues)
        for job in queue.get_delayed(0, MOST_SCHEDULED - 1)
    ]


def _due(job: Job) -> str:
    moment = (job.timestamp + job.delay) / 1000
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).isoformat()


@inspect_command(
    alias="dump_tasks", variadic="taskinfoitems", signature="[attr1 [attr2 ... [attrN]]]"
)
def registered(
    state: Remote, taskinfoitems: Iterable[str] | None = None, builtins: bool = False, **kwargs: Any
) -> Any:
    """List the tasks, with attributes."""
    wanted = list(taskinfoitems or ("rate_limit",))
    names = sorted(name for name in state.app.tasks if builtins or not name.startswith("celery."))
    return [_described(state.app.tasks[name], name, wanted) for name in names]


def _described(task: Any, name: str, wanted: Iterable[str]) -> str:
    found = {each: getattr(task, each, None) for each in wanted}
    shown = [f"{each}={value}" for each, value in found.items() if value is not None]
    return f"{name} [{' '.join(shown)}]" if shown else name


@inspect_command(default_timeout=1.0)
def stats(state: Remote, **kwargs: Any) -> Any:
    """Figures: tasks run, pool, broker, resources."""
    return {
        "total": state.total,
        "pid": os.getpid(),
        "clock": str(state.commands),
        "uptime": round(time.time() - state.started),
        "pool": _pool(state),
        **_autoscaler(state),
        "broker": _broker(state),
        "prefetch_count": state.worker.concurrency,
        "rusage": _resources(),
    }


def _pool(state: Remote) -> dict[str, Any]:
    settings, pool = state.worker.settings, state.worker.pool
    limits = settings.time_limits
    return {
        "implementation": f"bullrush.core.pools:{type(pool).__name__}",
        "max-concurrency": pool.slots,
        "processes": pool.pids() or [os.getpid()],
        "max-tasks-per-child": settings.max_tasks_per_child or "N/A",
        "put-guarded-by-semaphore": False,
        "timeouts": [limits.soft or 0, limits.hard or 0],
        "writes": {
            "total": sum(state.total.values()),
            "strategy": "fair",
            "inqueues": {"total": pool.slots, "active": len(state.worker.running())},
        },
    }


def _autoscaler(state: Remote) -> dict[str, Any]:
    bounds, current = state.worker.autoscale, state.worker.concurrency
    if bounds is None:
        return {}
    running = len(state.worker.running())
    told = {"max": bounds.most, "min": bounds.least, "current": current, "qty": running}
    return {"autoscaler": told}


def _broker(state: Remote) -> dict[str, Any]:
    url, shown = urlsplit(state.app.driver.location), state.app.conf.table(with_defaults=True)
    return {
        "hostname": url.hostname,
        "userid": None,
        "virtual_host": url.path.strip("/") or "0",
        "port": url.port,
        "insist": False,
        "ssl": url.scheme == "rediss",
        "transport": "redis" if url.scheme in ("redis", "rediss", "unix") else url.scheme,
        "connect_timeout": shown["broker_connection_timeout"],
        "transport_options": shown["broker_transport_options"],
        "login_method": None,
        "uri_prefix": None,
        "heartbeat": None,
        "failover_strategy": shown["broker_failover_strategy"],
        "alternates": [],
    }


def _resources() -> Any:
    if resource is None:
        return "N/A"
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        name.removeprefix("ru_"): getattr(usage, name)
        for name in dir(usage)
        if name.startswith("ru_")
    }


@inspect_command(alias="dump_revoked")
def revoked(state: Remote, **kwargs: Any) -> Any:
    """List the ids that must not run."""
    return list(state.revoked)


@inspect_command(
    alias="dump_conf", signature="[include_defaults=False]", args=[("with_defaults", bool)]
)
def conf(state: Remote, with_defaults: bool = False, **kwargs: Any) -> Any:
    """Show the settings, without secrets."""
    return state.app.conf.table(with_defaults=with_defaults)


@inspect_command()
def active_queues(state: Remote, **kwargs: Any) -> Any:
    """List the queues that are served."""
    known = state.app.amqp.queues
    return [
        (known.get(name) or known.new_missing(name)).as_dict(recurse=True)
        for name in [queue.name for queue in list(state.worker.queues)]
    ]


@inspect_command(alias="query_tasks", variadic="ids", signature="[id1 [id2 ... [idN]]]")
def query_task(state: Remote, ids: Any, **kwargs: Any) -> Any:
    """Ask for tasks by their ids."""
    wanted = {ids} if isinstance(ids, str) else {str(each) for each in ids}
    found = {
        request.id: ["active" if request.worker_pid is not None else "reserved", request.info()]
        for request in state.requests()
        if request.id in wanted
    }
    return {**_scheduled_of(state, wanted - found.keys()), **found}


def _scheduled_of(state: Remote, ids: Iterable[str]) -> dict[str, list[Any]]:
    return {
        task_id: ["scheduled", state.request_of(Delivery(job, queue, "")).info()]
        for queue in list(state.worker.queues)
        for task_id in ids
        if queue.get_state(job_id_of(task_id)) == "delayed"
        and (job := queue.get_job(job_id_of(task_id))) is not None
    }


@inspect_command()
def report(state: Remote, **kwargs: Any) -> Any:
    """Show versions and settings."""
    python, system = platform.python_version(), f"{platform.system()} {platform.release()}"
    return {
        "ok": f"\nsoftware -> bullrush:{release()} py:{python}\nplatform -> system:{system}\n"
        f"settings -> {state.app.driver.location}\n\n{state.app.conf.humanize()}\n"
    }


@inspect_command()
def clock(state: Remote, **kwargs: Any) -> Any:
    """Show the logical clock."""
    return {"clock": state.commands}


@inspect_command(visible=False)
def hello(
    state: Remote, from_node: str, revoked: Mapping[str, Any] | None = None, **kwargs: Any
) -> Any:
    """Tell a worker that starts what must not run."""
    if from_node == state.hostname:
        return None
    return {"revoked": list(state.revoked), "clock": state.commands}


@inspect_command()
def memsample(state: Remote, **kwargs: Any) -> Any:
    """Tell how much memory the worker has held at most."""
    return None if resource is None else f"{_peak() / 1024:.1f}MB"


@inspect_command(args=[("samples", int)], signature="[n_samples=10]")
def memdump(state: Remote, samples: int = 10, **kwargs: Any) -> Any:
    """The same in words."""
    return "- rss: unknown\n" if resource is None else f"- rss: at most {_peak() / 1024:.1f}MB\n"


def _peak() -> float:
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


@inspect_command(visible=False)
def objgraph(state: Remote, **kwargs: Any) -> Any:
    """Refused."""
    return {"error": "objgraph is not here: write an inspect_command that calls the library"}
