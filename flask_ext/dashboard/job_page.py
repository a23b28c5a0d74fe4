"""One job: what it is, what became of each attempt, and why it waits."""

from __future__ import annotations

from flask import Response

from bullrush.core import Job
from bullrush.core.keys import split_base, split_job_key

from ..access.guarding import needs
from ..access.roles import Role
from ..admin.waiting import place_of, reasons
from ..binding import current_binding
from .attempts import attempts_of, difference
from .looking import data_of, is_job_id, is_retrying, log_of, progress_of, redaction, result_of
from .page import asked, missing, page
from .queue_page import find_queue, snapshot_of

#: Rows of the log that a page shows, the newest.
LOG_ROWS = 500
#: What is said of a job that nothing holds.
_AT_ONCE = {"completed": "It has completed."}


@needs(Role.READ)
def job() -> Response:
    """Everything of one job."""
    queue, job_id = find_queue(asked("queue")), asked("id")
    view = queue.view(job_id) if queue is not None and is_job_id(job_id) else None
    if queue is None or view is None or view.job is None:
        return missing(f"There is no job {job_id!r} in {asked('queue')!r}")
    found, snapshot = view.job, snapshot_of(queue)
    place, children = place_of(queue, view), queue.get_dependencies_count(job_id)
    rows = queue.get_logs(job_id, 0, LOG_ROWS - 1, ascending=False)[::-1]
    attempts = attempts_of(found, view.state, redaction().text)
    why = [each.text for each in reasons(view, snapshot, place, children)]
    return page(
        "job.html",
        f"{found.name} {found.id}",
        queue=snapshot,
        job=found,
        state=view.state,
        retrying=view.state == "delayed" and is_retrying(found),
        attempts=attempts,
        difference=difference(attempts, asked("old"), asked("new")),
        data=data_of(found),
        result=result_of(found),
        options=redaction()(found.opts),
        progress=progress_of(found),
        reason=redaction().text(found.failed_reason or ""),
        logs=log_of(rows),
        log_count=queue.get_logs_count(job_id),
        children=children,
        parent=_parent(found),
        due=place.due,
        why=why or [_AT_ONCE.get(view.state, "It is the next to start.")],
    )


def _parent(job: Job) -> tuple[str, str] | None:
    """(queue, id) of its parent, when that is under the same prefix."""
    if not job.parent_key:
        return None
    base, parent_id = split_job_key(job.parent_key)
    prefix, queue = split_base(base)
    own = current_binding().settings.prefix
    return (queue, parent_id) if prefix == own and queue and parent_id else None
