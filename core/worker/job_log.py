"""Lines for people about each job of a worker, in the words that teams with Node workers know:
``Email job completed``. Never a job's data.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from ..delivery import Delivery
from ..errors import InvalidOption
from .listeners import Listener
from .log_fields import details_of
from .worker import Worker

logger = logging.getLogger("bullrush.jobs")

#: Style -> kind of line -> its text.
STYLES: dict[str, dict[str, str]] = {
    "plain": {
        "ready": "{title} queue initialized",
        "started": "Processing {lower} job",
        "completed": "{title} job completed",
        "failed": "{title} job failed: {why}",
        "stalled": "Job stalled",
        "error": "{title} worker error: {why}",
    },
    "emoji": {
        "ready": "🚀 {title} queue initialized",
        "started": "🔄 Worker: Processing job {id} of type {name}",
        "completed": "✅ Job {id} completed",
        "failed": "❌ Job {id} failed: {why}",
        "stalled": "⚠️ Job {id} stalled",
        "error": "❌ {title} worker error: {why}",
    },
}


def log_jobs(
    worker: Worker, titles: Mapping[str, str] | None = None, style: str = "plain"
) -> Callable[[], None]:
    """Have a worker log each job with the logger ``bullrush.jobs``: INFO, ERROR for failures and
    for errors of the worker, WARNING for jobs that were taken back from a lost worker. Each record
    has the attributes ``job_id``, ``queue``, ``task``, ``attempt`` and ``priority``.

    Args:
        worker: before it is started.
        titles: queue -> what its jobs are called; ``Email queue`` of ``email-queue`` by default
            gives ``Email``.
        style: ``plain``, or ``emoji`` with the ids of jobs.

    Returns:
        What ends it.

    Raises:
        InvalidOption: another style.
    """
    if style not in STYLES:
        raise InvalidOption(f"log_style is one of {', '.join(STYLES)}, not {style!r}")
    lines = _Lines(worker, dict(titles or {}), STYLES[style])
    listeners: dict[str, Listener] = {
        "ready": lines.ready,
        "started": lines.started,
        "completed": lines.completed,
        "failed": lines.failed,
        "stalled": lines.stalled,
        "error": lines.error,
    }
    forget = [worker.on(name, listener) for name, listener in listeners.items()]

    def detach() -> None:
        for each in forget:
            each()

    return detach


def title_of(queue: str) -> str:
    """``Email`` of ``email-queue``, ``Image resizing`` of ``image_resizing``."""
    words = [word for word in queue.replace("_", "-").split("-") if word]
    if len(words) > 1 and words[-1].lower() == "queue":
        del words[-1]
    return " ".join(words).capitalize()


class _Lines:
    """Listens to a worker."""

    def __init__(self, worker: Worker, titles: dict[str, str], texts: Mapping[str, str]) -> None:
        self._worker, self._titles, self._texts = worker, titles, texts

    def ready(self) -> None:
        for queue in self._worker.queues:
            self._say(logging.INFO, "ready", queue.name, {"queue": queue.name})

    def started(self, delivery: Delivery) -> None:
        self._of_job(logging.INFO, "started", delivery)

    def completed(self, delivery: Delivery, outcome: Any) -> None:
        self._of_job(logging.INFO, "completed", delivery)

    def failed(self, delivery: Delivery, outcome: Any) -> None:
        self._of_job(logging.ERROR, "failed", delivery, outcome.reason)

    def stalled(self, queue: str, job_id: str) -> None:
        self._say(logging.WARNING, "stalled", queue, {"queue": queue, "job_id": job_id})

    def error(self, error: BaseException) -> None:
        for queue in self._worker.queues:
            self._say(logging.ERROR, "error", queue.name, {"queue": queue.name}, str(error))

    def _of_job(self, level: int, kind: str, delivery: Delivery, why: str = "") -> None:
        if logger.isEnabledFor(level):
            self._say(level, kind, delivery.job.queue_name, details_of(delivery), why)

    def _say(
        self, level: int, kind: str, queue: str, details: dict[str, Any], why: str = ""
    ) -> None:
        title = self._titles.get(queue) or self._titles.setdefault(queue, title_of(queue))
        text = self._texts[kind].format(
            title=title,
            lower=title.lower(),
            id=details.get("job_id", ""),
            name=details.get("task", ""),
            why=why,
        )
        logger.log(level, "%s", text, extra=details)
