"""Asking Redis about tasks, for many results in few round trips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bullrush.core import JobView
from bullrush.core.calls import Batch, Call, run
from bullrush.core.keys import celery_group_key, celery_result_key, may_be_job

from .. import states
from ..ids import job_id_of
from .meta import UNKNOWN, JobMeta, Meta, RecordMeta

if TYPE_CHECKING:
    from ..app.base import Celery
    from .single import AsyncResult

#: Commands in one round trip.
_AT_ONCE = 1000


def job_ids_of(task_id: str) -> tuple[str, ...]:
    """An id that needs an escape may belong to a job of Node, which has it as it is."""
    escaped = job_id_of(task_id)
    if escaped == task_id or not may_be_job(task_id):
        return (escaped,)
    return escaped, task_id


def result_key(app: Celery, task_id: str) -> str:
    """Where a result is stored for an id that is no job's."""
    return celery_result_key(task_id, _prefix(app))


def group_key(app: Celery, group_id: str) -> str:
    """Where a saved group is."""
    return celery_group_key(group_id, _prefix(app))


def _prefix(app: Celery) -> str:
    options = app.conf.result_backend_transport_options
    return str(options.get("global_keyprefix") or "") if options else ""


def look(app: Celery, results: Sequence[AsyncResult]) -> list[Meta]:
    """Whether and how each task has ended; of those that have not ended little more than that is
    true. `AsyncResult._queue` of those that are found is set.

    Raises:
        ConnectionFailed: Redis did not answer.
    """
    found = _ask(app, [(each, [each._queue] if each._queue else None) for each in results])
    lost = [at for at, meta in enumerate(found) if meta is UNKNOWN and results[at]._queue]
    if lost:
        again = _ask(app, [(results[at], None) for at in lost])
        for at, meta in zip(lost, again, strict=True):
            found[at] = meta
    return found


def _ask(app: Celery, wanted: Sequence[tuple[AsyncResult, list[str] | None]]) -> list[Meta]:
    """`None` for the queues: all that are known, and what is stored for the id itself."""
    parts: list[list[Call[Any]]] = []
    known: list[str] | None = None
    for result, queues in wanted:
        more: list[Call[Any]] = []
        if queues is None:
            known = queues = app.known_queues() if known is None else known
            more = [Call(("GET", result_key(app, result.id)), RecordMeta.from_text)]
        ids = result._job_ids()
        parts.append([app.queue(q).ending_call(i) for q in queues for i in ids] + more)
    answers = iter(_sent(app, [call for part in parts for call in part]))
    found = [_best(app, [next(answers) for _ in part]) for part in parts]
    for (result, _), meta in zip(wanted, found, strict=True):
        if isinstance(meta, JobMeta):
            result._queue = meta.job.queue_name
    return found


def _best(app: Celery, answers: Sequence[Any]) -> Meta:
    metas = [
        each if isinstance(each, Meta) else JobMeta(each, app, complete=False)
        for each in answers
        if each
    ]
    for better in (lambda meta: meta.ready, lambda meta: meta is not UNKNOWN):
        for meta in metas:
            if better(meta):
                return meta
    return UNKNOWN


def _sent(app: Celery, calls: list[Call[Any]]) -> list[Any]:
    driver, answers = app.driver, list[Any]()
    for first in range(0, len(calls), _AT_ONCE):
        answers += run(driver, Batch(calls[first : first + _AT_ONCE], list))
    return answers


def view(app: Celery, result: AsyncResult) -> Meta:
    """All that is known of one task, in one round trip.

    Raises:
        ConnectionFailed: Redis did not answer.
    """
    meta = _view(app, result, [result._queue] if result._queue else None)
    if meta is UNKNOWN and result._queue:
        meta = _view(app, result, None)
    return meta


def _view(app: Celery, result: AsyncResult, queues: list[str] | None) -> Meta:
    more = [] if queues else [Call(("GET", result_key(app, result.id)), RecordMeta.from_text)]
    calls = [
        app.queue(name).view_call(job_id)
        for name in queues or app.known_queues()
        for job_id in result._job_ids()
    ]
    answers = run(app.driver, Batch([*calls, *more], list))
    metas = [each if isinstance(each, Meta) else _meta_of_view(app, each) for each in answers]
    meta = next((each for each in metas if each is not UNKNOWN), UNKNOWN)
    if isinstance(meta, JobMeta):
        result._queue = meta.job.queue_name
    return meta


def _meta_of_view(app: Celery, view: JobView) -> Meta:
    if view.job is None:
        return UNKNOWN
    return JobMeta(view.job, app, _state_of(app, view))


def _state_of(app: Celery, view: JobView) -> str:
    """Celery's name of the state of a job that has not ended and that told nothing itself."""
    job = view.job
    if job is None:
        return states.PENDING
    if view.state == "active":
        task = app.tasks.get(job.name)
        tracked = task.track_started if task is not None else None
        tracked = app.conf.task_track_started if tracked is None else tracked
        return states.STARTED if tracked else states.PENDING
    tried = job.attempts_made and job.failed_reason is not None
    return states.RETRY if tried else states.PENDING
