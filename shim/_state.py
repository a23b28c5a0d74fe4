"""What a process knows of its applications: the current one, and the tasks that all share."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .local import Proxy

if TYPE_CHECKING:
    from .app.base import Celery
    from .app.task import Task

_current: list[Celery] = []
#: Tasks of ``@shared_task``: every application gets them.
shared_makers: list[Callable[[Celery], Task]] = []


def set_current(app: Celery) -> None:
    """Make this the current application."""
    _current[:] = [app]


def find_current() -> Celery:
    """The current application; the first one who asks makes one named ``default``."""
    if not _current:
        import_module(".app.base", __package__).Celery("default")
    return _current[0]


#: The application made last, or a default one.
current_app: Any = Proxy(find_current)


def shared_task(*args: Any, **options: Any) -> Any:
    """A task of every application: for modules that know of none. Arguments as ``@app.task``."""

    def share(function: Callable[..., Any]) -> Any:
        name = options.get("name")

        def make(app: Celery) -> Task:
            return app.make_task(function, dict(options))

        shared_makers.append(make)

        def find() -> Task:
            app = find_current()
            return app.tasks[name or app.gen_task_name(function.__name__, function.__module__)]

        return Proxy(find)

    return share(args[0]) if args and callable(args[0]) else share
