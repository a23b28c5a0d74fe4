"""The Flask application as ``flask`` finds it, for the child processes of a worker."""

from __future__ import annotations

import os

from flask.cli import ScriptInfo

from bullrush import Celery

from .binding import binding_of

#: What `bullrush.finding.find_app` takes.
SOURCE = f"{__name__}:celery()"
_VARIABLE = "FLASK_APP"


def celery() -> Celery:
    """The Celery application of the Flask application that the environment names."""
    return binding_of(ScriptInfo(app_import_path=os.environ.get(_VARIABLE)).load_app()).celery


def tell_children(app_import_path: str | None) -> None:
    """Say in the environment which application it is, when ``--app`` alone has said it."""
    if app_import_path:
        os.environ[_VARIABLE] = app_import_path
