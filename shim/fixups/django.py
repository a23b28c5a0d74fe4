"""Django: set up before tasks are imported, its connections closed around tasks, and tasks that are
sent when a transaction is committed.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .. import signals
from ..contrib.django.results import CACHE, DATABASE, ResultRows

if TYPE_CHECKING:
    from ..app.base import Celery

logger = logging.getLogger("bullrush.fixups.django")

_SETTINGS = "DJANGO_SETTINGS_MODULE"
_SKIP_CHECKS = "CELERY_SKIP_CHECKS"
_TASK = "bullrush.contrib.django.task:DjangoTask"
#: Connections that a parent process uses too: to close one would end the parent's session.
_inherited: list[Any] = []


class FixupWarning(UserWarning):
    """Something about the surroundings that will not do."""


def fixup(app: Celery, env: str = _SETTINGS) -> DjangoFixup | None:
    """Make an application fit Django when the environment names Django's settings."""
    if not os.environ.get(env):
        return None
    if find_spec("django") is None:
        warnings.warn(
            FixupWarning(f"{env} is set, and Django is not installed: pip install django"),
            stacklevel=2,
        )
        return None
    return DjangoFixup(app).install()


class DjangoFixup:
    """What an application does for Django.

    Args:
        app: the application.
    """

    def __init__(self, app: Celery) -> None:
        self.app = app
        self._worker = DjangoWorkerFixup(app)

    def install(self) -> DjangoFixup:
        """Begin."""
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        if self.app._own_task_cls is None:
            self.app.task_cls = _TASK
        self.app.loader.now = self.now  # type: ignore[method-assign]
        signals.import_modules.connect(self.on_import_modules, sender=self.app)
        signals.worker_init.connect(self.on_worker_init)
        signals.worker_process_init.connect(self._worker.on_worker_process_init)
        return self

    def on_import_modules(self, **kwargs: Any) -> None:
        """Modules with tasks are about to be imported: their models must be there."""
        self._worker.django_setup()

    def on_worker_init(self, **kwargs: Any) -> None:
        """A worker begins."""
        self._worker.check()
        self._worker.install()

    def now(self, utc: bool = False) -> datetime:
        """Django's time."""
        timezone = import_module("django.utils.timezone")
        found: datetime = datetime.now(timezone.utc) if utc else timezone.now()
        return found

    def autodiscover_tasks(self) -> list[str]:
        """The installed applications."""
        self._worker.django_setup()
        return [each.name for each in import_module("django.apps").apps.get_app_configs()]


class DjangoWorkerFixup:
    """What a worker does for Django.

    Args:
        app: the application.
    """

    def __init__(self, app: Celery) -> None:
        self.app = app
        self._pid = os.getpid()
        self._runs = threading.local()
        self._installed = False

    def django_setup(self) -> None:
        """Load Django's applications; a second time does nothing."""
        import_module("django").setup()

    def check(self) -> None:
        """Look at the project as Django does.

        Raises:
            SystemCheckError: Django's checks found an error.
        """
        self.django_setup()
        if not os.environ.get(_SKIP_CHECKS):
            import_module("django.core.management.base").BaseCommand().check()

    def install(self) -> DjangoWorkerFixup:
        """See to the connections of this process from now on."""
        if not self._installed:
            self._installed = True
            signals.task_prerun.connect(self.on_task_prerun)
            self._write_rows()
            signals.task_postrun.connect(self.on_task_postrun)
        return self

    def _write_rows(self) -> None:
        backend = self.app.conf.result_backend
        if backend == CACHE:
            logger.warning("result_backend=%r: results are in Redis, and not in the cache", CACHE)
        elif backend == DATABASE:
            self._rows = ResultRows(self.app).install()

    def on_worker_process_init(self, **kwargs: Any) -> None:
        """A child begins: what it has inherited is its parent's."""
        self.django_setup()
        if os.getpid() != self._pid:
            for connection in self._connections():
                if connection.connection is not None:
                    _inherited.append(connection.connection)
                    connection.connection = None
            self.close_cache()
        self.install()

    def on_task_prerun(self, sender: Any, **kwargs: Any) -> None:
        """A task begins."""
        if sender.app is self.app and not sender.request.is_eager:
            self.close_database()

    def on_task_postrun(self, sender: Any, **kwargs: Any) -> None:
        """A task has ended."""
        if sender.app is self.app and not sender.request.is_eager:
            self.close_database(ended=True)
            self.close_cache()

    def close_database(self, ended: bool = False) -> None:
        """Close the connections of this thread; with ``CELERY_DB_REUSE_MAX`` after so many tasks
        only.

        Args:
            ended: a task has.
        """
        most = self.app.conf.get("db_reuse_max")
        if most:
            done = getattr(self._runs, "done", 0) + int(ended)
            self._runs.done = 0 if done >= most else done
            if done < most:
                return
        for connection in self._connections():
            if not connection.in_atomic_block:
                connection.close()

    def close_cache(self) -> None:
        """Close the connections of the caches."""
        import_module("django.core.cache").close_caches()

    @staticmethod
    def _connections() -> list[Any]:
        # All that this thread has used: to ask for another one would make it.
        connections = import_module("django.db").connections
        names = [name for name in connections if hasattr(connections._connections, name)]
        return [connections[name] for name in names]
