"""Many calls of one task, sent together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bullrush.core import Queue
from bullrush.core.calls import Batch, run
from bullrush.core.errors import BullrushError

from .outage import run_inline
from .publishing import publish
from .sending import Prepared, prepare_call, send_by_policy

if TYPE_CHECKING:
    from .base import Celery
    from .task import Task

#: More jobs in one script would hold Redis for too long.
_CHUNK = 100


def send_many(task: Task, calls: Iterable[Any], options: Mapping[str, Any]) -> list[Any]:
    """See `Task.delay_many`."""
    app, given = task.app, [_arguments(each) for each in calls]
    if app.conf.task_always_eager:
        return [task.apply_async(args, kwargs, **options) for args, kwargs in given]
    checked = [task.checked_call(args, kwargs) for args, kwargs in given]
    prepared = [
        prepare_call(app, task.name, args, kwargs, task, options) for args, kwargs in checked
    ]
    marks = [app.mark_of(each.queue.name) for each in prepared]
    if task.on_broker_down == "raise":
        _send(app, prepared)
        ran: list[Any] = []
    else:
        ran = list(_send_by_policy(task, checked, prepared, options))
    sent = prepared[: len(prepared) - len(ran)]
    return [
        app.AsyncResult(
            each.task_id, app=app, queue=each.queue.name, ignored=each.ignored, mark=mark
        )
        for each, mark in zip(sent, marks, strict=False)
    ] + ran


def _send(app: Celery, prepared: list[Prepared]) -> None:
    batch = Batch(list(_chunks(prepared)), list)
    if batch.calls:
        conf = app.conf
        usual = conf.task_publish_retry_policy
        publish(lambda: run(app.driver, batch), conf.task_publish_retry, None, usual)
    for each in prepared:
        if each.publication is not None:
            each.publication.after()


def _send_by_policy(
    task: Task, checked: list[Any], prepared: list[Prepared], options: Mapping[str, Any]
) -> Iterator[Any]:
    """Send them, a chunk in each round trip; the results of those that were run here, which are
    the last ones.
    """
    failed: BullrushError | None = None
    for first in range(0, len(prepared), _CHUNK):
        chunk = slice(first, first + _CHUNK)
        if failed is None:
            failed = send_by_policy(task.app, task.on_broker_down, prepared[chunk])
        if failed is not None:
            for (args, kwargs), each in zip(checked[chunk], prepared[chunk], strict=True):
                known = {**options, "task_id": each.task_id}
                yield run_inline(task.app, task, args, kwargs, known, failed)


def _arguments(call: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(call, tuple):
        return call, {}
    return ((), dict(call)) if isinstance(call, Mapping) else ((call,), {})


def _chunks(prepared: list[Prepared]) -> Iterator[Any]:
    """Calls that add them, in their order within each queue."""
    queues: dict[Queue, list[Any]] = {}
    for each in prepared:
        for queue in (each.queue, *each.more):
            queues.setdefault(queue, []).append(each.job)
    for queue, jobs in queues.items():
        for first in range(0, len(jobs), _CHUNK):
            yield queue.send_jobs(jobs[first : first + _CHUNK], list)
