"""A worker for an application's tasks."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bullrush.core.environment import work_settings
from bullrush.core.errors import InvalidOption
from bullrush.core.worker import Worker
from bullrush.core.worker.share import QueueShare

from .. import bridge
from ..app.log import LogSettings
from ..app.trace import Tracer
from ..finding import find_app, locate_app
from ..serialization import check_accepted
from . import control as control  # registers the commands
from .events import HEART_OPTIONS
from .node import ChildLife, Node, before_child

if TYPE_CHECKING:
    from ..app.base import Celery

#: How many coroutines run in a worker beside the tasks in its slots, when nobody says.
COROUTINES = 100


class ChildTracer(Tracer):
    """A tracer that can be sent to a child process: it finds the application there by name.

    Args:
        source: what `find_app` takes.
    """

    def __init__(self, app: Celery, hostname: str, source: str | None) -> None:
        super().__init__(app, hostname)
        self.source = source
        #: Task -> attributes that were changed since the worker started.
        self.changes: dict[str, dict[str, Any]] = {}

    def __reduce__(self) -> tuple[Callable[..., ChildTracer], tuple[Any, ...]]:
        if self.source is None:
            raise InvalidOption(
                f"the application {self.app.main!r} is no attribute of a module, so a child "
                "process cannot find it"
            )
        return child_tracer, (self.source, self.hostname, self.changes)


def child_tracer(
    source: str, hostname: str, changes: dict[str, dict[str, Any]] | None = None
) -> ChildTracer:
    """The tracer in a child process."""
    bridge.install_where_asked()
    app = find_app(source)
    app.after_fork()
    app.loader.init_worker()
    app.finalize()
    for name, attributes in (changes or {}).items():
        for attribute, value in attributes.items():
            setattr(app.tasks[name], attribute, value)
    made: ChildTracer = app.prepared_handler(ChildTracer(app, hostname, source))
    return made


def make_worker(
    app: Celery, queues: str | QueueShare | Sequence[str | QueueShare] = (), **options: Any
) -> Worker:
    """A worker that runs the tasks of an application. Not started.

    Args:
        queues: names of queues, or shares; the application's default queue when there is none.
        concurrency: how many tasks at once; else ``worker_concurrency``, else one for each CPU.
        pool: ``prefork``, ``threads``, ``asyncio`` or ``solo``; else ``worker_pool``, else
            ``threads``.
        hostname: its name; ``%h`` is this host, ``%n`` the part before its first dot.
        source: the application's name for ``-A``, by which children find it; looked for in the
            imported modules when not given.
        log: how its processes set up their log; left alone when not given.
        heartbeat_interval: s between two heartbeat events; 2 while task events are enabled, else
            10.
        without_heartbeat: send no events of the worker itself.
        **options: see `WorkerOptions`.

    Raises:
        InvalidOption: an unknown pool or option, or a value out of range.
        ImproperlyConfigured: ``accept_content`` names a serializer that is not here.
    """
    worker = make_node(app, queues, **options).worker
    assert worker is not None
    return worker


def make_node(
    app: Celery,
    queues: str | QueueShare | Sequence[str | QueueShare] = (),
    *,
    concurrency: int | None = None,
    pool: str | None = None,
    hostname: str | None = None,
    source: str | None = None,
    log: LogSettings | None = None,
    **options: Any,
) -> Node:
    """As `make_worker`; gives what knows why the worker has ended."""
    name = node_name(hostname)
    node = Node(app, name, {"concurrency": concurrency, "pool": pool, **options})
    node.announce()
    app.loader.init_worker()
    app.finalize()
    _check_accepted(app)
    pool = node.options["pool"] = pool or app.conf.worker_pool or "threads"
    node.begin()
    if log is not None:
        log = replace(log, hostname=name)
        log.set_up(app)
    node.set_up()
    handler = app.tracer(name)
    if pool == "prefork":
        source = source or locate_app(app)
        handler = ChildTracer(app, name, source)
        handler.changes = node.changed_tasks
        if source is not None:
            options.setdefault("preload", (bridge.ACTIVE, source.partition(":")[0]))
        options["prepare_child"] = ChildLife(name, source, log, options.get("prepare_child"))
        options.setdefault("before_child", before_child(name))
    if pool in ("prefork", "threads"):
        options.setdefault("coroutines", COROUTINES)
    worker = Worker(
        app.worker_queues(queues, name),
        app.prepared_handler(handler),
        driver=app.driver,
        prefix=app.prefix,
        concurrency=concurrency or slots_of(app),
        pool=pool,
        name=name,
        **{**_configured(app, pool), **_of_core(app, options)},
    )
    node.attach(worker)
    return node


def _check_accepted(app: Celery) -> None:
    for setting in ("accept_content", "result_accept_content"):
        check_accepted(setting, app.conf[setting] or ())


def slots_of(app: Celery) -> int:
    """How many tasks at once when nobody says: ``worker_concurrency``, else
    ``EXECUTION_WORKER_CONCURRENCY``, else one for each CPU.
    """
    configured: int | None = app.conf.worker_concurrency
    said = configured or work_settings().execution_worker_concurrency
    return said or os.cpu_count() or 1


def _configured(app: Celery, pool: str) -> dict[str, Any]:
    """What the application's settings say, as far as this pool can honour it: settings are for all
    workers of a project, and each has the pool it needs.
    """
    conf = app.conf
    found: dict[str, Any] = {"measure": True}
    if conf.worker_soft_shutdown_timeout:
        found["soft_shutdown_timeout"] = conf.worker_soft_shutdown_timeout
    if remapped := os.environ.get("REMAP_SIGTERM"):
        if remapped != "SIGQUIT":
            raise InvalidOption(f"REMAP_SIGTERM is SIGQUIT or nothing, not {remapped!r}")
        found["cold_on_sigterm"] = True
    if pool != "solo":
        found["soft_time_limit"] = conf.task_soft_time_limit
    if pool in ("prefork", "asyncio"):
        found["time_limit"] = conf.task_time_limit
    if pool == "prefork":
        found["max_tasks_per_child"] = conf.worker_max_tasks_per_child
        found["max_memory_per_child"] = conf.worker_max_memory_per_child
        if conf.value_set_for("worker_pool_start_method"):
            found["start_method"] = conf.worker_pool_start_method
    return found


def _of_core(app: Celery, options: dict[str, Any]) -> dict[str, Any]:
    """Without those that are for the front alone, or for receivers of `celeryd_init`."""
    own = {option.name for option in app.user_options["worker"]}
    return {k: value for k, value in options.items() if k not in HEART_OPTIONS and k not in own}


def node_name(hostname: str | None = None) -> str:
    """Celery's form of a worker's name: ``celery@host``."""
    host = socket.gethostname()
    pattern = hostname or "celery@%h"
    return (
        pattern.replace("%h", host)
        .replace("%n", host.split(".")[0])
        .replace("%d", host.partition(".")[2])
    )
