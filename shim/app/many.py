"""Many calls of one task, sent together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bullrush.core import Queue
from bullrush.core.calls import Batch, run

from .publishing import publish
from .sending import Prepared, prepare_call

if TYPE_CHECKING:
    from .task import Task

#: More jobs in one script would hold Redis for too long.
_CHUNK = 100


def send_many(task: Task, calls: Iterable[Any], options: Mapping[str, Any]) -> list[Any]:
    """See `Task.delay_many`."""
    app, given = task.app, [_arguments(each) for each in calls]
    if app.conf.task_always_eager or task.on_broker_down != "raise":
        return [task.apply_async(args, kwargs, **options) for args, kwargs in given]
    prepared = []
    for args, kwargs in given:
        args, kwargs = task.checked_call(args, kwargs)
        prepared.append(prepare_call(app, task.name, args, kwargs, task, options))
    marks = [app.mark_of(each.queue.name) for each in prepared]
    batch = Batch(list(_chunks(prepared)), list)
    if batch.calls:
        conf = app.conf
        usual = conf.task_publish_retry_policy
        publish(lambda: run(app.driver, batch), conf.task_publish_retry, None, usual)
    for each in prepared:
        if each.publication is not None:
            each.publication.after()
    return [
        app.AsyncResult(
            each.task_id, app=app, queue=each.queue.name, ignored=each.ignored, mark=mark
        )
        for each, mark in zip(prepared, marks, strict=True)
    ]


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
