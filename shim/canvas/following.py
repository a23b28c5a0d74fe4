"""What a worker does after a task: callbacks, errbacks, and the rest of a workflow that could not
be planted before. All of it is sent before the outcome of the task is stored, under ids that are
settled: a run that is repeated after a crash doubles nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bullrush.core.calls import run
from bullrush.core.errors import WrongState
from bullrush.core.job import Job
from bullrush.core.outcome import Failed, stack_of
from bullrush.core.parents import Parent, read_parent

from ..app.ahead import chain_of
from ..app.context import Context
from ..app.sending import prepare_call
from .chords import _chord
from .errbacks import called_here
from .groups import group
from .joining import behind_last
from .plan import ids_of
from .planting import send_again
from .signatures import Signature, maybe_signature

if TYPE_CHECKING:
    from ..app.base import Celery
    from ..app.runs import Run

#: A job that is only there to be failed: nobody takes it meanwhile.
_NOT_YET = 3600


def lets_go(context: Any) -> bool:
    """Whether a task has set its ``request.chain``, which was not empty, to None or to nothing."""
    if "chain" not in context.__dict__ or context.chain:
        return False
    return bool(chain_of(context))


def follow_success(one: Run, value: Any, is_last: bool) -> None:
    """Send the callbacks of a task that has succeeded, and the rest of its workflow; that is failed
    instead behind a task that is to be the last.
    """
    app, headers, context = one.task.app, one.message.headers, one.context
    place: dict[str, Any] = {"root_id": context.root_id, "parent_id": context.id}
    for each in context.callbacks or ():  # a task may have taken them away
        callback = maybe_signature(each, app=app)
        context.children.append(send_again(app, callback, (value,), **place))
    if is_last:
        fail_rest(app, headers, behind_last(str(context.id)).outcome)
        return
    for each in reversed(headers.get("chain") or ()):
        rest = maybe_signature(each, app=app)
        began = send_again(app, rest, (value,), parent_of(one.delivery.job), **place)
        while began.parent is not None:
            began = began.parent
        context.children.append(began)


def follow_failure(one: Run, error: BaseException, outcome: Failed) -> None:
    """Call the errbacks of a task that has failed for good, and fail the rest of its workflow."""
    call_errbacks(one, error, outcome)
    fail_rest(one.task.app, one.message.headers, outcome)


def fail_rest(app: Celery, headers: Mapping[str, Any], outcome: Failed) -> None:
    """Store the failure for every task that would have followed and is no job yet.

    Args:
        headers: those of the task that has failed.
    """
    for each in headers.get("chain") or ():
        for task in ids_of(maybe_signature(each, app=app)):
            if "task_id" in task.options:
                _fail(app, task, outcome)


def _fail(app: Celery, task: Signature, outcome: Failed) -> None:
    options = {"task_id": task.options["task_id"], "countdown": _NOT_YET}
    if task.options.get("queue"):
        options["queue"] = task.options["queue"]
    prepared = prepare_call(app, task.task, (), {}, task.known_type(), options, renew=False)
    queue, job = prepared.queue, prepared.job
    run(queue.driver, queue.send_jobs([job], list))
    with suppress(WrongState):  # it was failed by an earlier run
        queue.fail_waiting(job.id, outcome.reason, outcome.exception or "")


def parent_of(job: Job) -> Parent | None:
    """The job that waits for this one."""
    stored = job.parent
    if stored is None:
        return None
    return read_parent({"id": stored["id"], "queue": stored["queueKey"]})


def call_errbacks(one: Run, error: BaseException, outcome: Failed) -> None:
    """Call them here, or send them as tasks, whichever they take."""
    _call_errbacks(one.task.app, one.context.errbacks, one.context, error, outcome)


def call_errbacks_of_body(one: Run, error: BaseException, outcome: Failed) -> None:
    """A chord fails whose body begins with this task: call the errbacks of the body. Those of a
    chain are the ones it has as a whole, and are told of its last task.
    """
    end = one.message.headers.get("end")
    if end is None:
        call_errbacks(one, error, outcome)
        return
    place = {"root_id": one.context.root_id, "parent_id": one.context.parent_id}
    context = Context(place, id=end["task_id"], task=one.task.name)
    _call_errbacks(one.task.app, end["errbacks"], context, error, outcome)


def call_errbacks_of_rest(one: Run, error: BaseException, outcome: Failed) -> None:
    """The members that would have come next are failed instead: call what each of them has."""
    for rest in one.message.headers.get("chain") or ():
        found = maybe_signature(rest, app=one.task.app)
        header = found.header if isinstance(found, _chord) else found
        for each in header.tasks if isinstance(header, group) else ():
            options = each.options
            place = {"root_id": one.context.root_id, "parent_id": one.context.parent_id}
            context = Context(place, id=options.get("task_id"), task=each.task)
            _call_errbacks(one.task.app, options.get("link_error"), context, error, outcome)


def _call_errbacks(
    app: Celery, errbacks: Any, context: Any, error: BaseException, outcome: Failed
) -> None:
    for each in errbacks or ():
        errback = maybe_signature(each, app=app)
        if not called_here(app, errback, context, error, outcome.stack or stack_of(error)):
            send_again(app, errback, (context.id,), root_id=context.root_id, parent_id=context.id)
