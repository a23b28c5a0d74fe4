"""Tasks that were revoked while they waited: no worker has had them, so one of those that are up
tells of them, by the signal `task_revoked`, the event ``task-revoked`` and the log.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from bullrush.core.delivery import Delivery
from bullrush.core.errors import BullrushError

from ..app.context import worker_context
from ..app.telling import tell_revoked
from ..ids import task_id_of
from .request import Request

if TYPE_CHECKING:
    from .remote import Remote

logger = logging.getLogger("celery.worker.control")
#: So many are taken at once.
_AT_ONCE = 100


def tell_untold(state: Remote) -> None:
    """Tell of those that nobody has told of. Every worker may call it: each is told of once.

    Raises:
        ConnectionFailed: Redis did not answer.
    """
    stored = state.app.revocations.stored
    while notes := stored.take(_AT_ONCE):
        for note in notes:
            queue, job_id = json.loads(note)
            try:
                _tell(state, queue, job_id)
            except BullrushError as error:
                logger.warning("nobody was told that %s was revoked: %s", job_id, error)


def _tell(state: Remote, queue_name: str, job_id: str) -> None:
    queue = state.app.queue(queue_name)
    job = queue.get_job(job_id)
    task = state.app.tasks.get(job.name) if job is not None else None
    if job is None or task is None:
        return
    delivery = Delivery(job, queue, "", state.hostname)
    message = Request(state.app, state.hostname, delivery).message
    tell_revoked(task, worker_context(task, message, delivery, state.hostname))
    events = state.node.events
    if events is not None and events.enabled and task.send_events is not False:
        fields: dict[str, Any] = {"uuid": task_id_of(job.id)}
        fields |= {"terminated": False, "signum": None, "expired": False}
        events.dispatcher.send("task-revoked", **fields)
        events.dispatcher.flush()
