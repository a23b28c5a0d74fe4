"""What a worker does with a task that is to run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bullrush.core import calls as driving
from bullrush.core.outcome import Moved, Outcome, RawJson, Retried, reason_of, stack_of
from bullrush.core.relocating import relocate_call

from ..exceptions import Retry
from ..failures import record_of
from ..ids import uuid
from ..message import Message
from ..serialization import coding_of
from .headers import headers_of, priority_of
from .retrying import Plan, seconds_until

if TYPE_CHECKING:
    from .runs import Run

#: Options of a call that say in which queue it goes.
_PLACE = ("queue", "exchange", "routing_key")
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
    outcome = Retried(
        _delay(signal), reason_of(cause), stack_of(cause), data=data, exception=record_of(cause)
    )
    target = job.queue_name if plan is None else _queue_of(run, plan)
    return outcome if target == job.queue_name else _run_elsewhere(run, target, outcome)


def _queue_of(run: Run, plan: Plan) -> str:
    place = {name: plan.options[name] for name in _PLACE if plan.options.get(name) is not None}
    found: str = run.task.app.queues_for(place)[0] if place else run.delivery.job.queue_name
    return found


def _run_elsewhere(run: Run, target: str, outcome: Retried) -> Moved:
    """One step takes the job out of its queue and into the other."""
    queue = run.delivery.queue
    driving.run(queue.driver, relocate_call(run.delivery, run.task.app.queue(target), outcome))
    run.delivery.moved = True
    return Moved()


def run_beside(run: Run, signal: Retry) -> None:
    """Have the task run again, under its id, while this run comes to an end of its own: after
    ``retry(throw=False)``. The job of that run is another one.

    Raises:
        As `run_again`.
    """
    job, plan = run.delivery.job, signal.plan
    message = _message(run, plan)
    headers = {**message.headers, "id": run.context.id, "retries": run.context.retries + 1}
    priority = plan.options.get("priority")
    if priority is not None:
        priority = priority_of(run.task.app, priority)
    run.task.app.queue(_queue_of(run, plan)).add(
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
