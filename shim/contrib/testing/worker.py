"""A worker in a thread of the test's own process."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from bullrush.core.worker import Worker

from ...app.base import Celery
from ...result import allow_join_result
from ...utils.imports import import_from_cwd, reload_from_cwd
from ...worker import make_worker
from . import tasks as tasks  # registers celery.ping

#: Celery's names for what a worker does not need here.
_ACCEPTED = frozenset(
    {"loglevel", "logfile", "without_heartbeat", "without_mingle", "without_gossip", "sig_safe"}
)


class TestWorkController:
    """A worker of a test.

    Attributes:
        app: the application whose tasks it runs.
        worker: the worker itself.
        hostname: its node name.
    """

    __test__ = False

    def __init__(self, app: Celery, worker: Worker) -> None:
        self.app, self.worker = app, worker
        self.hostname = worker.settings.name

    def ensure_started(self) -> None:
        """Nothing to wait for: a worker that was started takes jobs."""

    def reload(
        self,
        modules: Iterable[str] | None = None,
        reload: bool = False,
        reloader: Callable[[ModuleType], ModuleType] | None = None,
    ) -> None:
        """Have child processes know the tasks of now; threads know them at once.

        Args:
            modules: names of modules that are imported first.
            reload: load those anew that are imported already.
            reloader: what does so; `importlib.reload` when not given.
        """
        for name in modules or ():
            if reload and name in sys.modules:
                reload_from_cwd(sys.modules[name], reloader)
            else:
                import_from_cwd(name)
        self.worker.pool.renew()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.worker, name)


@contextmanager
def start_worker(
    app: Celery,
    concurrency: int = 1,
    pool: str = "solo",
    loglevel: str | int = os.environ.get("WORKER_LOGLEVEL", "error"),
    logfile: str | None = None,
    perform_ping_check: bool = True,
    ping_task_timeout: float = 10.0,
    shutdown_timeout: float = 10.0,
    **kwargs: Any,
) -> Iterator[TestWorkController]:
    """Run a worker in threads of this process until the block ends.

    Args:
        pool: ``solo`` or ``threads``; children of ``prefork`` need an application that can be
            imported.
        perform_ping_check: whether the task ``celery.ping`` is called first, to see that tasks run.
        ping_task_timeout: s it may take.
        shutdown_timeout: s for the tasks that run when the block ends.
        **kwargs: ``queues``, ``hostname`` and what `make_worker` takes.

    Raises:
        RuntimeError: tasks were still running after `shutdown_timeout`.
        TimeoutError: nobody answered the ping.
    """
    app.set_current()
    logger = logging.getLogger("bullrush")
    before = logger.level
    logger.setLevel(loglevel.upper() if isinstance(loglevel, str) else loglevel)
    queues = kwargs.pop("queues", None) or ()
    options = {name: value for name, value in kwargs.items() if name not in _ACCEPTED}
    worker = make_worker(app, queues, concurrency=concurrency, pool=pool, **options).start()
    try:
        if perform_ping_check:
            with allow_join_result():
                answer = app.tasks["celery.ping"].delay().get(timeout=ping_task_timeout)
                assert answer == "pong", answer
        yield TestWorkController(app, worker)
    finally:
        worker.stop(timeout=shutdown_timeout)
        logger.setLevel(before)
