"""The Celery application of a Flask application."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any
from weakref import ref

from flask import Flask

from bullrush import Celery, Task

from .context import HandlerInContext
from .settings import Settings


class FlaskTask(Task):
    """A task of a Flask application."""

    abstract = True

    def delay_on_commit(self, *args: Any, session: Any, **kwargs: Any) -> None:
        """As `delay`, when the transaction of that session of SQLAlchemy is committed; see
        `bullrush.contrib.sqlalchemy.delay_on_commit`.
        """
        later = import_module("bullrush.contrib.sqlalchemy").delay_on_commit  # an extra
        later(session, self, *args, **kwargs)


class FlaskCelery(Celery):
    """Runs its tasks inside the context of a Flask application, whichever way a worker is started.

    Args:
        app: the Flask application.
        settings: what it configured.
    """

    def __init__(self, app: Flask, settings: Settings) -> None:
        #: Weak: the current application of a thread outlives a dropped Flask application.
        self._flask_app = ref(app)
        url, prefix = settings.redis_url, settings.prefix
        super().__init__(app.name, broker=url, bullrush_prefix=prefix, task_cls=FlaskTask)
        self.config_from_object(settings.celery)
        spool = Path(app.instance_path) / "bullrush-spool.sqlite3"
        self.add_defaults({"spool_path": str(spool), "task_pydantic_check_calls": True})

    def prepared_handler(self, handler: Any) -> Any:
        """See `Celery.prepared_handler`."""
        app = self._flask_app()
        if app is None:
            raise RuntimeError(f"the Flask application {self.main!r} is gone")
        return HandlerInContext(app, handler)
