"""Imports the modules that hold an application's tasks."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .. import signals
from ..app.importing import imported, names_in

if TYPE_CHECKING:
    from ..app.base import Celery


class BaseLoader:
    """What a worker does before it starts.

    Attributes:
        app: the application.
        worker_initialized: whether its modules have been imported.
    """

    def __init__(self, app: Celery, **options: Any) -> None:
        self.app = app
        self.task_modules: set[str] = set()
        self.worker_initialized = False
        #: Called by `import_default_modules`: what autodiscovery waits for.
        self.discoveries: list[Callable[[], Any]] = []

    def on_worker_init(self) -> None:
        """Called as a worker starts; for subclasses."""

    def on_worker_process_init(self) -> None:
        """Called in each child of a worker; for subclasses."""

    def on_worker_shutdown(self) -> None:
        """Called as a worker ends; for subclasses."""

    def on_task_init(self, task_id: str, task: Any) -> None:
        """Called before a task; for subclasses."""

    def import_task_module(self, module: str) -> Any:
        """Import a module that holds tasks."""
        self.task_modules.add(module)
        return self.import_from_cwd(module)

    def import_module(self, module: str, package: str | None = None) -> ModuleType:
        """Import a module."""
        return import_module(module, package)

    def import_from_cwd(self, module: str, imp: Any = None, package: str | None = None) -> Any:
        """Import a module, or what a dotted path names."""
        return imported(module)

    def import_default_modules(self) -> list[Any]:
        """Import every module that may hold tasks: what autodiscovery finds, ``imports`` and
        ``include``.

        Raises:
            ImportError: one of them cannot be imported.
        """
        signals.import_modules.send(sender=self.app)
        for discover in list(self.discoveries):
            discover()
        return [self.import_task_module(name) for name in self.default_modules]

    @property
    def default_modules(self) -> tuple[str, ...]:
        """``imports`` and ``include``."""
        conf = self.app.conf
        return (*names_in(conf.imports), *names_in(conf.include))

    def init_worker(self) -> None:
        """Import the modules and tell `on_worker_init`; once."""
        if not self.worker_initialized:
            self.worker_initialized = True
            self.import_default_modules()
            self.on_worker_init()

    @property
    def conf(self) -> Any:
        """The application's settings."""
        return self.app.conf

    def now(self, utc: bool = True) -> Any:
        """The time in the application's zone."""
        return self.app.now()


class AppLoader(BaseLoader):
    """The loader of every application that names no other."""
