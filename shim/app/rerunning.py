"""What a worker does with a task that is to run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bullrush.core.outcome import Outcome, RawJson, Retried, reason_of, stack_of

from ..exceptions import Retry
from ..failures import record_of
from ..ids import uuid
from ..message import Message
from ..serialization import coding_of
from .headers import headers_of, priority_of, queue_name
from .retrying import Plan, seconds_until

if TYPE_CHECKING:
    from .runs import Run

#: Options of a call that are parts of the message.
_HEADERS = ("headers", "shadow", "ignore_result", "reply_to", "argsrepr", "kwargsrepr")


def run_again(run: Run, signal: Retry) -> Outcome:
    """The same job runs again, as its task asked for; all that it did not ask for stays.

    Raises:
        UnserializableArgument: a new argument has no form in its serializer.
        InvalidOption: an option that cannot be.
        ConnectionFailed: Redis did not answer.
    """
    job, queue, plan = run.delivery.job, run.delivery.queue, signal.plan
    cause = signal.cause or signal
    data = None if plan is None else _changed_data(run, plan)
    if run.context.told is not None:  # the state that this run told is over
        queue.update_progress(job.id, None)
    if plan is not None and plan.options.get("priority") is not None:
        queue.change_priority(job.id, priority=priority_of(run.task.app, plan.options["priority"]))
    return Retried(
        _delay(signal), reason_of(cause), stack_of(cause), data=data, exception=record_of(cause)
    )


def run_beside(run: Run, signal: Retry) -> None:
    """Have the task run again, under its id, while this run comes to an end of its own: after
    ``retry(throw=False)``. The job of that run is another one.

    Raises:
        As `run_again`.
    """
    job, plan = run.delivery.job, signal.plan
    message = _message(run, plan)
    headers = {**message.headers, "id": run.context.id, "retries": run.context.retries + 1}
    name = queue_name(plan.options.get("queue")) or job.queue_name
    priority = plan.options.get("priority")
    if priority is not None:
        priority = priority_of(run.task.app, priority)
    run.task.app.queue(name).add(
        job.name,
        _encoded(run, Message(message.args, message.kwargs, headers), plan),
        job_id=uuid(),
        delay=_delay(signal),
        priority=job.priority if priority is None else priority,
        remove_on_complete=True,
    )


def _delay(signal: Retry) -> int:
    """ms."""
    return 0 if signal.when is None else round(seconds_until(signal.when) * 1000)


def _changed_data(run: Run, plan: Plan) -> RawJson | None:
    if not plan.changed and not plan.options:
        return None
    return _encoded(run, _message(run, plan), plan)


def _encoded(run: Run, message: Message, plan: Plan) -> RawJson:
    """By the serializer of this run's message, when no other is asked for."""
    serializer, compression = coding_of(run.delivery.data)
    options = plan.options
    return message.encode(
        options.get("serializer") or serializer, options.get("compression") or compression
    )


def _message(run: Run, plan: Plan) -> Message:
    """The message of the next run."""
    given = {name: value for name, value in plan.options.items() if value is not None}
    if not given:
        return Message(plan.args, plan.kwargs, run.message.headers)
    changes: dict[str, Any] = {name: given[name] for name in _HEADERS if name in given}
    changes.update(headers_of(run.task.app, None, given))
    return Message(plan.args, plan.kwargs, {**run.message.headers, **changes})
