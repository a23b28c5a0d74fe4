"""What a process knows of its applications: the current one, and the tasks that all share."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .local import Proxy
from .local import current_task as current_task
from .local import find_current_task as get_current_task
from .local import find_worker_task as get_current_worker_task

if TYPE_CHECKING:
    from .app.base import Celery
    from .app.task import Task


class _Thread(threading.local):
    """What a thread knows: the application that was made current in it."""

    app: Celery | None = None


_thread = _Thread()
#: The application of threads that have none of their own: set by `set_default`, made current last.
_default: Celery | None = None
_latest: weakref.ref[Celery] | None = None
_apps: list[weakref.ref[Celery]] = []
#: Called with every application when it is finalized, which is how shared tasks get there.
_finalizers: list[Callable[[Celery], Any]] = []


def set_current(app: Celery) -> None:
    """Make this the current application of this thread."""
    global _latest
    _thread.app, _latest = app, weakref.ref(app)


def set_default(app: Celery) -> None:
    """Make this the application of every thread that has none of its own."""
    global _default
    _default = app


def find_current() -> Celery:
    """The current application: this thread's, else the default one, else the one that any thread
    made current last; when there is none at all, one named ``default`` is made.
    """
    found = _thread.app or _default or (_latest() if _latest else None)
    if found is None:
        found = _make_default()
        set_default(found)
    return found


def _make_default() -> Celery:
    """It is configured by the module that ``CELERY_CONFIG_MODULE`` names, else by ``celeryconfig``
    if there is one.
    """
    app: Celery = import_module(".app.base", __package__).Celery("default", set_as_current=False)
    named = os.environ.get("CELERY_CONFIG_MODULE")
    app.config_from_object(named or "celeryconfig", silent=not named)
    return app


def add_app(app: Celery) -> None:
    """Remember an application as long as it is there."""
    _apps.append(weakref.ref(app, _apps.remove))


def forget_app(app: Celery) -> None:
    """It shares its tasks no more, and is nobody's current one."""
    global _default, _latest
    _apps[:] = [each for each in _apps if each() is not app]
    if _thread.app is app:
        _thread.app = None
    if _default is app:
        _default = None
    if _latest is not None and _latest() is app:
        _latest = None


def living_apps() -> Iterator[Celery]:
    """Every application there is, in the order in which they were made."""
    for reference in list(_apps):
        app = reference()
        if app is not None:
            yield app


def connect_on_app_finalize(callback: Callable[[Celery], Any]) -> Callable[[Celery], Any]:
    """Have a function called with every application as it is finalized."""
    _finalizers.append(callback)
    return callback


def tell_finalized(app: Celery) -> None:
    """Call what `connect_on_app_finalize` was given."""
    for callback in list(_finalizers):
        callback(app)


#: The application made last, or a default one.
current_app: Any = Proxy(find_current)

# Celery's names, which formatters of logs and other packages import from here.
get_current_app, set_default_app = find_current, set_default
__all__ = ["get_current_app", "get_current_task", "get_current_worker_task", "set_default_app"]


def shared_task(*args: Any, **options: Any) -> Any:
    """A task of every application: for modules that know of none. Arguments as ``@app.task``."""

    def share(function: Callable[..., Any]) -> Any:
        name = options.get("name")

        def make(app: Celery) -> Task:
            return app.make_task(function, dict(options))

        connect_on_app_finalize(make)
        for app in living_apps():
            if app.finalized:
                make(app)

        def find() -> Task:
            app = find_current()
            return app.tasks[name or app.gen_task_name(function.__name__, function.__module__)]

        return Proxy(find)

    return share(args[0]) if args and callable(args[0]) else share


def _after_fork() -> None:
    for app in living_apps():
        app.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def replaced_current(app: Any) -> Iterator[None]:
    """While the block runs, that is the current application of this thread and of every other."""
    global _default, _latest
    before = _thread.app, _default, _latest
    _thread.app, _default = app, app
    try:
        yield
    finally:
        _thread.app, _default, _latest = before
