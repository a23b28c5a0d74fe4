"""The events of tasks in words: what each has beside what every event has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from bullrush.core.delivery import Delivery, Finished
from bullrush.core.outcome import Completed, Failed, Retried

from ..failures import exception_of, read_record
from ..ids import task_id_of
from ..message import NO_RESULT
from ..serialization import loads
from ..utils.saferepr import saferepr
from .request import Request

if TYPE_CHECKING:
    from ..app.task import Task
    from .node import Node

Told = tuple[str, dict[str, Any]]


class Noted(NamedTuple):
    """Something that happened to a task.

    Args:
        kind: ``received``, ``started`` or ``ended``.
        moment: when, Unix s.
        finished: what came of it, of what has ended.
    """

    kind: str
    moment: float
    delivery: Delivery
    finished: Finished | None


def told_of(node: Node, noted: Noted) -> Told | None:
    """(type, fields) of the event; None when there is none: the task may not want any."""
    job = noted.delivery.job
    task = node.app.tasks.get(job.name)
    if task is not None and task.send_events is False:
        return None
    if noted.finished is not None:
        told = _end(node, task, noted.finished)
    elif task is None:
        return None
    else:
        told = (f"task-{noted.kind}", {})
        if noted.kind == "received":
            told[1].update(_received(Request(node.app, node.hostname, noted.delivery)))
    if told is not None:
        told[1]["uuid"] = task_id_of(job.id)
    return told


def _received(request: Request) -> dict[str, Any]:
    headers = request.message.headers
    return {
        "name": headers.get("shadow") or request.name,
        "args": request.argsrepr,
        "kwargs": request.kwargsrepr,
        "root_id": request.root_id,
        "parent_id": request.parent_id,
        "retries": request.delivery.job.attempts_made + headers.get("retries", 0),
        "eta": request.eta,
        "expires": request.expires,
    }


def _end(node: Node, task: Task | None, finished: Finished) -> Told | None:
    outcome = finished.outcome
    if isinstance(outcome, Completed):
        return _success(node, task, finished)
    if isinstance(outcome, Failed):
        record = read_record(outcome.exception)
        if record.get("exc_type") == "TaskRevokedError":
            signum = node.terminated.pop(finished.delivery, None)
            return "task-revoked", _revocation(outcome.reason, signum)
        if task is None:
            return "task-failed", {"exception": f"NotRegistered({finished.delivery.job.name!r})"}
        return "task-failed", _failure(outcome, record)
    if isinstance(outcome, Retried):
        return "task-retried", _failure(outcome, read_record(outcome.exception))
    return None


def _success(node: Node, task: Task | None, finished: Finished) -> Told | None:
    stored = finished.record[3] if finished.record else "null"
    text = stored.decode() if isinstance(stored, bytes) else str(stored)
    if text == NO_RESULT.text:
        return None
    most = getattr(task, "resultrepr_maxsize", 1024)
    value = loads(text.encode(), json.loads(text), node.app.accepted_results())
    fields = {"result": saferepr(value, most), "runtime": finished.seconds}
    return "task-succeeded", fields


def _failure(outcome: Failed | Retried, record: Mapping[str, Any]) -> dict[str, Any]:
    error = exception_of(record, outcome.reason) if record else None
    return {
        "exception": saferepr(error) if error is not None else outcome.reason,
        "traceback": outcome.stack,
    }


def _revocation(reason: str, signum: int | None) -> dict[str, Any]:
    return {"terminated": reason == "terminated", "signum": signum, "expired": reason == "expired"}
