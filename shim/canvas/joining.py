"""What a job gets of the jobs it waited for: their values, or the failure of one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bullrush.core.calls import run
from bullrush.core.delivery import Delivery
from bullrush.core.job import Job
from bullrush.core.keys import split_job_key
from bullrush.core.outcome import Failed

from ..exceptions import ChordError, TaskRevokedError
from ..failures import exception_of, read_record, record_of
from ..ids import task_id_of
from ..message import NO_RESULT, Message
from ..serialization import loads
from .plan import JOINT

if TYPE_CHECKING:
    from ..app.base import Celery

#: So many failures are followed down to the first one.
_DEEPEST = 1000
#: Headers that have done their work once the values are there: a retry stores the values.
_OURS = frozenset(("children", "immutable", "silent", "replaced", "end"))


@dataclass(frozen=True)
class Inherited:
    """A job that fails without a run, because one that it waited for has failed.

    Args:
        outcome: what is stored.
        error: the exception.
        of_chord: whether it is a failure of its own, since it waited for several.
    """

    outcome: Failed
    error: BaseException
    of_chord: bool


def joined(app: Celery, delivery: Delivery, message: Message) -> Message | Inherited:
    """The message with the values that the job waited for before its own arguments."""
    shape = message.headers["children"]
    values, failures = delivery.queue.view_children(delivery.job.id)
    if failures:
        joint = delivery.job.name == JOINT and "replaced" not in message.headers
        return _inherited(app, shape, failures, joint)
    last = next((key for key, raw in values.items() if raw.startswith(b" ")), None)
    if last is not None:
        ignored = values[last] == NO_RESULT.text.encode()
        return behind_ignored(_task_id(last)) if ignored else behind_last(_task_id(last))
    headers = {k: v for k, v in message.headers.items() if k not in _OURS}
    if message.headers.get("immutable"):
        return replace(message, headers=headers)
    accepted = app.accepted_results()
    found = {_task_id(key): _value(raw, accepted) for key, raw in values.items()}
    try:
        value = _filled(shape, found)
    except KeyError as missing:
        error = ChordError(f"Dependency {missing.args[0]} was taken away before it had ended")
        return Inherited(Failed(str(error), "", record_of(error)), error, True)
    if isinstance(shape, list):
        known = {*flat(shape), *message.headers.get("silent", ())}
        value = [*(each for task_id, each in found.items() if task_id not in known), *value]
    return replace(message, args=(value, *message.args), headers=headers)


def behind_ignored(task_id: str) -> Inherited:
    """What follows a task that raised `Ignore` does not run, and whoever waits for it is told."""
    return _revoked(f"{task_id}, which is before it, was ignored")


def behind_last(task_id: str) -> Inherited:
    """The same behind a task that has set its ``request.chain`` to None."""
    return _revoked(f"{task_id}, which is before it, has ended the chain")


def _revoked(reason: str) -> Inherited:
    error = TaskRevokedError(reason)
    return Inherited(Failed(reason, "", record_of(error)), error, False)


def _inherited(app: Celery, shape: Any, failures: Mapping[str, str], joint: bool) -> Inherited:
    """
    Args:
        joint: whether the job only hands values on to members that run beside each other; they
            fail with what has failed, as in Celery.
    """
    order = {task_id: place for place, task_id in enumerate(flat(shape))}
    key = min(failures, key=lambda each: order.get(_task_id(each), len(order)))
    first = _first_failure(app, key)
    outcome = _outcome_of(first, failures[key])
    kept = read_record(first.exception if first is not None else None)
    error = exception_of(kept, outcome.reason, _task_id(key))
    if not isinstance(shape, list):
        return Inherited(outcome, error, False)
    if joint:
        return Inherited(outcome, error, True)
    own = ChordError(f"Dependency {_task_id(key)} raised {error!r}")
    return Inherited(Failed(str(own), outcome.stack, record_of(own)), own, True)


def _first_failure(app: Celery, key: str) -> Job | None:
    """The job that failed; behind one of Node that failed for its child, that child."""
    job: Job | None = None
    for _ in range(_DEEPEST):
        base, job_id = split_job_key(key)
        queue = app.queue(Job(base, job_id, {}).queue_name)
        view = run(app.driver, queue.view_call(job_id))
        job = view.job or job
        reason = (view.job.failed_reason if view.job else None) or ""
        if not (reason.startswith("child ") and reason.endswith(" failed")):
            break
        key = reason[len("child ") : -len(" failed")]
    return job


def _outcome_of(job: Job | None, reason: str) -> Failed:
    if job is None:
        return Failed(reason)
    stack = job.stacktrace[-1] if job.stacktrace else ""
    return Failed(job.failed_reason or reason, stack, job.exception)


def _task_id(key: str) -> str:
    return task_id_of(split_job_key(key)[1])


def _value(raw: bytes, accepted: Any) -> Any:
    try:
        return loads(raw, json.loads(raw), accepted)
    except ValueError:
        return None


def _filled(shape: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(shape, list):
        return [_filled(each, values) for each in shape]
    return values[shape]


def flat(shape: Any) -> Iterator[str]:
    """The ids in a shape."""
    if isinstance(shape, list):
        for each in shape:
            yield from flat(each)
    else:
        yield shape
