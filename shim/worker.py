"""A worker for an application's tasks."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bullrush.core.worker import Worker

if TYPE_CHECKING:
    from .app import Celery


def make_worker(
    app: Celery,
    queues: Sequence[str] = (),
    *,
    concurrency: int | None = None,
    pool: str | None = None,
    hostname: str | None = None,
    **options: Any,
) -> Worker:
    """A worker that runs the tasks of an application. Not started.

    Args:
        queues: names of queues; the application's default queue when there is none.
        concurrency: how many tasks at once; else ``worker_concurrency``, else one for each CPU.
        pool: ``threads`` or ``solo``; else ``worker_pool``.
        hostname: its name; ``%h`` is this host, ``%n`` the part before its first dot.
        **options: see `WorkerOptions`.

    Raises:
        InvalidOption: an unknown pool or option, or a value out of range.
    """
    name = node_name(hostname)
    app.finalize()
    return Worker(
        list(queues) or [app.conf.task_default_queue],
        app.tracer(name),
        driver=app.driver,
        prefix=app.prefix,
        concurrency=concurrency or app.conf.worker_concurrency or os.cpu_count() or 1,
        pool=pool or app.conf.worker_pool,
        name=name,
        **options,
    )


def node_name(hostname: str | None = None) -> str:
    """Celery's form of a worker's name: ``celery@host``."""
    host = socket.gethostname()
    pattern = hostname or "celery@%h"
    return (
        pattern.replace("%h", host)
        .replace("%n", host.split(".")[0])
        .replace("%d", host.partition(".")[2])
    )
