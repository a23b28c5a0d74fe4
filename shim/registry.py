"""Celery's old place of the current application's tasks."""

from __future__ import annotations

from typing import Any

from ._state import current_app
from .local import Proxy

#: Name -> task, of the current application.
tasks: Any = Proxy(lambda: current_app.tasks)
