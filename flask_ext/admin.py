"""The admin JSON: how full the queues are and what failed, for whoever has a token."""

from __future__ import annotations

import json
import logging
from typing import Any

from flask import Blueprint, Response, jsonify

from bullrush.core import Job, Queue
from bullrush.core.calls import Call, run
from bullrush.core.errors import BullrushError, InvalidQueueName
from bullrush.core.views import count_jobs, list_queues

from .access.guarding import GuardedBlueprint, needs
from .access.redaction import Redaction
from .access.roles import Role
from .binding import Binding, current_binding

logger = logging.getLogger(__name__)

STATES = ("waiting", "active", "completed", "failed", "delayed")
#: How many failed jobs are shown, the newest.
FAILED_JOBS = 50


def admin_blueprint(url_prefix: str) -> Blueprint:
    """The admin routes. Nothing in them is open."""
    blueprint = GuardedBlueprint("bullrush_admin", __name__, url_prefix=url_prefix)
    blueprint.register_error_handler(BullrushError, _unavailable)
    blueprint.get("/admin/queues")(show_queues)
    blueprint.get("/v1/admin/<queue>/queue")(show_queue)
    return blueprint


@needs(Role.READ)
def show_queues() -> Response:
    """The counts of every queue: those in Redis, and those that the application names."""
    binding = current_binding()
    found = list_queues(binding.driver, binding.settings.prefix)
    names = sorted({*found, *binding.settings.queue_aliases.values()})
    queues = [queue for name in names if (queue := _queue(binding, name)) is not None]
    counts = count_jobs(binding.driver, queues)
    return jsonify(queues={name: counts_shown(each) for name, each in counts.items()})


@needs(Role.READ)
def show_queue(queue: str) -> Response | tuple[Response, int]:
    """The counts of one queue, and its newest failed jobs. The name may be an alias."""
    binding = current_binding()
    found = _find_queue(binding, queue)
    if found is None:
        return jsonify(success=False, error=f"there is no queue {queue!r}"), 404
    shown = counts_shown(found.get_job_counts())
    failed = found.get_jobs("failed", end=FAILED_JOBS - 1)
    with_data, redact = binding.settings.show_job_data, binding.settings.policy.redaction
    data = {
        "stats": {**shown, "total": sum(shown.values())},
        "failedJobs": [failed_job_shown(job, redact, with_data=with_data) for job in failed],
    }
    return jsonify(success=True, data=data)


def counts_shown(counts: dict[str, int]) -> dict[str, int]:
    """The five counts that the admin JSON has. A job with a priority waits as well."""
    counts = {**counts, "waiting": counts["waiting"] + counts["prioritized"]}
    return {state: counts[state] for state in STATES}


def failed_job_shown(job: Job, redact: Redaction, *, with_data: bool) -> dict[str, Any]:
    """A failed job as the admin JSON has it; its data may be none of an operator's business."""
    shown = {
        "id": job.id,
        "name": job.name,
        "failedReason": redact(job.failed_reason),
        "attemptsMade": job.attempts_made,
        "timestamp": job.timestamp,
    }
    return {**shown, "data": redact(_data_of(job))} if with_data else shown


def _data_of(job: Job) -> Any:
    """The decoded data, or its text when another client stored what has no JSON form.

    One bad job must not hide the others.
    """
    try:
        data = job.data
        json.dumps(data, allow_nan=False)
    except (ValueError, RecursionError):
        return (job.raw("data") or b"").decode("utf-8", "replace")
    return data


def _find_queue(binding: Binding, name: str) -> Queue | None:
    """The queue of that name or alias.

    None when nobody has ever used it and the application does not name it.
    """
    aliases = binding.settings.queue_aliases
    queue = _queue(binding, aliases.get(name, name))
    if queue is None or not (queue.name in aliases.values() or _exists(queue)):
        return None
    return queue


def _queue(binding: Binding, name: str) -> Queue | None:
    """The queue of that name; None when no queue can have it.

    Another program may have written a key that only looks like one of a queue.
    """
    try:
        return binding.look_at(name)
    except InvalidQueueName:
        return None


def _exists(queue: Queue) -> bool:
    """Whether anybody has used the queue: every client writes its meta key first."""
    return run(queue.driver, Call(("EXISTS", queue.keys.meta), bool))


def _unavailable(error: BullrushError) -> tuple[Response, int]:
    """The log has the reason; the answer names no host."""
    logger.error("admin JSON: %s", error)
    return jsonify(success=False, error="Redis is not available"), 503
