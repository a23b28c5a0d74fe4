"""Rows of django-celery-results, for projects that look at them: ``CELERY_RESULT_BACKEND =
"django-db"``. Whoever waits for a result asks its job; the rows are written beside that.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ... import signals, states
from ...exceptions import ImproperlyConfigured, TaskRevokedError
from ...failures import record_of
from ...serialization import dumps
from ...utils.saferepr import saferepr

if TYPE_CHECKING:
    from ...app.base import Celery

logger = logging.getLogger("bullrush.contrib.django.results")

_PACKAGE = "django_celery_results"
#: Values of ``result_backend`` that name that package.
DATABASE, CACHE = "django-db", "django-cache"


class ResultRows:
    """Writes a row for each task of an application that ends here.

    Args:
        app: the application.

    Raises:
        ImproperlyConfigured: django-celery-results is not installed.
    """

    def __init__(self, app: Celery) -> None:
        if find_spec(_PACKAGE) is None:
            raise ImproperlyConfigured(
                f"result_backend={DATABASE!r} needs django-celery-results: pip install it, add "
                f"{_PACKAGE!r} to INSTALLED_APPS, or leave result_backend out"
            )
        self.app = app

    def install(self) -> ResultRows:
        """Begin."""
        signals.task_prerun.connect(self.on_prerun)
        signals.task_success.connect(self.on_success)
        signals.task_retry.connect(self.on_retry)
        signals.task_failure.connect(self.on_failure)
        signals.task_revoked.connect(self.on_revoked)
        return self

    def on_prerun(self, sender: Any, **kwargs: Any) -> None:
        """A task begins; a row only with ``track_started``."""
        tracked = sender.track_started
        if self.app.conf.task_track_started if tracked is None else tracked:
            self._write(sender, sender.request, states.STARTED, "{}")

    def on_success(self, sender: Any, result: Any, **kwargs: Any) -> None:
        """A task returned something."""
        self._write(sender, sender.request, states.SUCCESS, dumps(result, "the returned value"))

    def on_retry(self, sender: Any, request: Any, reason: Any, einfo: Any, **kwargs: Any) -> None:
        """A task runs again later."""
        error = getattr(reason, "exc", None) or reason
        self._write(sender, request, states.RETRY, record_of(error), einfo)

    def on_failure(self, sender: Any, exception: Any, einfo: Any, **kwargs: Any) -> None:
        """A task failed."""
        self._write(sender, sender.request, states.FAILURE, record_of(exception), einfo)

    def on_revoked(
        self, sender: Any, request: Any, terminated: bool, expired: bool, **kwargs: Any
    ) -> None:
        """A task was revoked."""
        word = "expired" if expired else "terminated" if terminated else "revoked"
        self._write(sender, request, states.REVOKED, record_of(TaskRevokedError(word)))

    def _write(self, task: Any, request: Any, status: str, result: str, einfo: Any = None) -> None:
        if task.app is not self.app or not request.id or request.is_eager or request.ignore_result:
            return
        values = {
            "content_type": "application/json",
            "content_encoding": "utf-8",
            "task_id": request.id,
            "status": status,
            "result": result,
            "traceback": None if einfo is None else str(einfo),
            "meta": json.dumps({"children": []}),
        }
        if status == states.STARTED:
            values["date_started"] = datetime.now(timezone.utc)
        if self.app.conf.result_extended:
            values.update(_about(task, request))
        try:
            models = import_module(f"{_PACKAGE}.models")
            models.TaskResult.objects.store_result(**values)
        except Exception:
            # The job has the result; a database that is away must not make the task fail.
            logger.exception("no row could be written for %s[%s]", task.name, request.id)


def _about(task: Any, request: Any) -> dict[str, Any]:
    """What ``result_extended`` adds."""
    return {
        "task_name": task.name,
        "task_args": json.dumps(request.get("argsrepr") or saferepr(request.args)),
        "task_kwargs": json.dumps(request.get("kwargsrepr") or saferepr(request.kwargs)),
        "worker": request.hostname,
        "periodic_task_name": (request.headers or {}).get("periodic_task_name"),
    }
