"""Celery's commands that change a worker. The first argument of each is its `Remote`."""

from __future__ import annotations

import logging
import signal as _signal
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bullrush.core.delivery import Delivery
from bullrush.core.errors import InvalidOption, SoftTimeLimitExceeded

from ..exceptions import WorkerShutdown
from ..ids import task_id_of
from ..rates import per_second
from ..revocation import Revocation, as_list
from .panel import control_command
from .untold import tell_untold

if TYPE_CHECKING:
    from .remote import Remote


logger = logging.getLogger("celery.worker.control")


def ok(value: Any) -> dict[str, Any]:
    """The answer of a command that did what it should."""
    return {"ok": value}


def nok(value: Any) -> dict[str, Any]:
    """The answer of one that could not."""
    return {"error": value}


# -- tasks --


@control_command(variadic="task_id", signature="[id1 [id2 ... [idN]]]")
def revoke(
    state: Remote, task_id: Any, terminate: bool = False, signal: Any = None, **kwargs: Any
) -> Any:
    """Keep tasks from running."""
    ids = {str(each) for each in as_list(task_id)}
    state.revoked.add(ids)
    tell_untold(state)
    if not terminate:
        logger.info("Tasks flagged as revoked: %s", ", ".join(sorted(ids)))
        return ok(f"tasks {ids} flagged as revoked")
    number = signal_number(signal)
    ended = [each for each in state.running_with(ids) if _terminate(state, each, number)]
    if not ended:
        return ok("terminate: tasks unknown")
    return ok(f"terminate: {_ids(ended)}")


@control_command(
    variadic="task_id", signature="<signal> [id1 [id2 ... [idN]]]", args=[("signal", str)]
)
def terminate(state: Remote, signal: Any, task_id: Any, **kwargs: Any) -> Any:
    """End running tasks."""
    return revoke(state, task_id, terminate=True, signal=signal)


@control_command(variadic="headers", signature="[key1=value1 [key2=value2 ... [keyN=valueN]]]")
def revoke_by_stamped_headers(
    state: Remote, headers: Any, terminate: bool = False, signal: Any = None, **kwargs: Any
) -> Any:
    """Keep tasks from running that have one of these stamps."""
    wanted = headers if isinstance(headers, Mapping) else _pairs(headers)
    state.revoked.add_stamps(wanted)
    if not terminate:
        return ok(f"headers {dict(wanted)} flagged as revoked, but not terminated")
    number = signal_number(signal)
    fitting = [each for each in state.worker.running() if state.revoked.fits(each, wanted)]
    ended = [each for each in fitting if _terminate(state, each, number)]
    if not ended:
        return ok(f"headers {dict(wanted)} were not terminated")
    state.revoked.add(_ids(ended))
    return ok(f"headers {dict(wanted)} revoked")


def _pairs(texts: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in texts:
        name, _, value = each.partition("=")
        found.setdefault(name, []).append(value)
    return found


def _terminate(state: Remote, delivery: Delivery, number: int) -> bool:
    if number == getattr(_signal, "SIGUSR1", None):
        return state.worker.pool.cancel(delivery, SoftTimeLimitExceeded("terminated by SIGUSR1"))
    state.node.terminated[delivery] = number
    logger.info("Terminating %s (%s)", task_id_of(delivery.job.id), number)
    return state.worker.terminate(delivery, Revocation("terminated", number), number)


def _ids(deliveries: Iterable[Delivery]) -> set[str]:
    return {task_id_of(each.job.id) for each in deliveries}


def signal_number(name: Any) -> int:
    """The number of ``SIGKILL``, ``kill`` or 9; SIGTERM when none is given.

    Raises:
        AttributeError: no such signal.
    """
    if name is None or name == "":
        return int(_signal.SIGTERM)
    if isinstance(name, int) or str(name).isdigit():
        return int(name)
    text = str(name).upper().removeprefix("SIGNALS.")
    return int(getattr(_signal, text if text.startswith("SIG") else f"SIG{text}"))


@control_command(
    args=[("task_name", str), ("rate_limit", str)],
    signature="<task_name> <rate_limit (e.g., 5/s | 5/m | 5/h)>",
)
def rate_limit(state: Remote, task_name: str, rate_limit: Any, **kwargs: Any) -> Any:
    """Set the rate limit of a task."""
    try:
        per_second(rate_limit)
    except InvalidOption as error:
        return nok(f"Invalid rate limit string: {error}")
    task = state.app.tasks.get(task_name)
    if task is None:
        return nok("unknown task")
    task.rate_limit = rate_limit
    state.worker.heed_handler()
    if not per_second(rate_limit):
        return ok("rate limit disabled successfully")
    return ok("new rate limit set successfully")


@control_command(
    args=[("task_name", str), ("soft", float), ("hard", float)],
    signature="<task_name> <soft_secs> [hard_secs]",
)
def time_limit(
    state: Remote,
    task_name: str | None = None,
    hard: float | None = None,
    soft: float | None = None,
    **kwargs: Any,
) -> Any:
    """Set the time limits of a task."""
    task = state.app.tasks.get(task_name or "")
    if task is None:
        return nok("unknown task")
    task.soft_time_limit, task.time_limit = soft, hard
    # Children have the application's tasks from their start: new ones learn of it.
    state.node.changed_tasks[task.name] = {"soft_time_limit": soft, "time_limit": hard}
    state.worker.pool.renew()
    return ok("time limits set successfully")


# -- the worker --


@control_command(
    args=[("queue", str), ("exchange", str), ("exchange_type", str), ("routing_key", str)],
    signature="<queue> [exchange [type [routing_key]]]",
)
def add_consumer(
    state: Remote,
    queue: str,
    exchange: str | None = None,
    exchange_type: str | None = None,
    routing_key: str | None = None,
    **options: Any,
) -> Any:
    """Serve one more queue."""
    if exchange or routing_key:
        labels = {"exchange": exchange or queue, "exchange_type": exchange_type or "direct"}
        state.app.amqp.queues.add(queue, **labels, routing_key=routing_key or queue)
    state.worker.add_queue(queue)
    return ok(f"add consumer {queue}")


@control_command(args=[("queue", str)], signature="<queue>")
def cancel_consumer(state: Remote, queue: str, **kwargs: Any) -> Any:
    """Serve a queue no more."""
    state.worker.remove_queue(queue)
    return ok(f"no longer consuming from {queue}")


@control_command(args=[("n", int)], signature="[N=1]")
def pool_grow(state: Remote, n: int = 1, **kwargs: Any) -> Any:
    """Run more tasks at once."""
    return _resize(state, "pool_grow", int(n)) or ok("pool will grow")


@control_command(args=[("n", int)], signature="[N=1]")
def pool_shrink(state: Remote, n: int = 1, **kwargs: Any) -> Any:
    """Run fewer tasks at once."""
    return _resize(state, "pool_shrink", -int(n)) or ok("pool will shrink")


def _resize(state: Remote, name: str, change: int) -> Any:
    if state.worker.autoscale is not None:
        return nok(f"{name} is not supported with autoscale. Adjust autoscale range instead.")
    if state.worker.settings.pool == "solo":
        return nok(f"{name}: the pool solo has one slot; use prefork, threads or asyncio")
    if state.worker.concurrency + change < 1:
        return nok(f"{name}: at least one slot must stay")
    state.worker.concurrency += change
    return None


@control_command(args=[("max", int), ("min", int)], signature="[max [min]]")
def autoscale(state: Remote, max: int | None = None, min: int | None = None, **kwargs: Any) -> Any:
    """Set the bounds of autoscaling."""
    bounds = state.worker.autoscale
    if bounds is None:
        raise ValueError("Autoscale not enabled")
    most, least = (
        bounds.most if max is None else int(max),
        bounds.least if min is None else int(min),
    )
    state.worker.set_autoscale(most, least)
    return ok(f"autoscale now max={most} min={least}")


@control_command()
def pool_restart(
    state: Remote,
    modules: Iterable[str] | None = None,
    reload: bool = False,
    reloader: Any = None,
    **kwargs: Any,
) -> Any:
    """Replace the child processes."""
    if not state.app.conf.worker_pool_restarts:
        raise ValueError("Pool restarts not enabled")
    if reload or reloader:
        return nok("pool_restart cannot reload modules; use bullrush worker --reload")
    for name in modules or ():
        import_module(name)
    state.worker.pool.renew()
    return ok("reload started")


@control_command()
def shutdown(state: Remote, msg: str = "Got shutdown from remote", **kwargs: Any) -> Any:
    """Stop the worker; running tasks end first."""
    raise WorkerShutdown(msg)


@control_command(visible=False)
def election(state: Remote, **kwargs: Any) -> Any:
    """Refused."""
    return nok("election is not here: workers do not vote; use a deduplication id, or a lock")
