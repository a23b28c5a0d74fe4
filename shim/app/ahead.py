"""What comes after a running task, as ``request.chain`` and ``request.chord`` tell it: the steps
are jobs that wait already, so they are looked up when somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bullrush.core.job import Job
from bullrush.core.keys import split_job_key

from ..exceptions import InvalidTaskError
from ..ids import task_id_of
from ..message import Message, decode

if TYPE_CHECKING:
    from .context import Context

#: So many steps are told.
_MOST = 1000


def chain_of(context: Context) -> list[Any] | None:
    """The steps that follow, the last one first; None when there are none."""
    rest = list(_headers(context).get("chain") or ())
    for job, message in _above(context):
        shape = message.headers.get("children")
        if isinstance(shape, list):
            break  # the body of a chord
        rest.append(_signature(job, message))
        rest += message.headers.get("chain") or ()
    found = rest[::-1] or None
    context.__dict__["chain"] = found
    return found


def chord_of(context: Context) -> Any:
    """The body of the chord that the task is a member of; None when it is in none."""
    found = _headers(context).get("chord")
    if found is True:
        for job, message in _above(context):
            found = _signature(job, message)
            break
    context.__dict__["chord"] = found
    return found


def _headers(context: Context) -> Mapping[str, Any]:
    return context.__dict__.get("_headers") or {}


def _above(context: Context) -> Iterator[tuple[Job, Message]]:
    """The jobs that wait for this one, the nearest first."""
    app, job = context._task.app, context.delivery.job
    for _ in range(_MOST):
        if not job.parent_key:
            return
        base, job_id = split_job_key(job.parent_key)
        job = app.queue(Job(base, job_id, {}).queue_name).get_job(job_id)
        if job is None:
            return
        try:
            yield job, decode(job.raw("data"), job.data)
        except (InvalidTaskError, ValueError):
            return


def _signature(job: Job, message: Message) -> dict[str, Any]:
    headers = message.headers
    options: dict[str, Any] = {"task_id": task_id_of(job.id)}
    if headers.get("group"):
        options["group_id"] = headers["group"]
    if headers.get("callbacks"):
        options["link"] = headers["callbacks"]
    if headers.get("errbacks"):
        options["link_error"] = headers["errbacks"]
    return {
        "task": job.name,
        "args": list(message.args),
        "kwargs": message.kwargs,
        "options": options,
        "subtask_type": None,
        "immutable": bool(headers.get("immutable")),
    }
