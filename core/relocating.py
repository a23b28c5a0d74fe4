"""Making something else of an active job: one of another queue, or another job under its id."""

from __future__ import annotations

from .calls import Call
from .clock import now_ms
from .delivery import Delivery
from .errors import InvalidJobId, error_for_code
from .job import id_bytes
from .outcome import Postponed, RawJson, Retried
from .queue import Queue
from .records import stacktrace_of
from .scripts import script


def relocate_call(delivery: Delivery, target: Queue, outcome: Retried | Postponed) -> Call[None]:
    """Have the job of a delivery run again in another queue, under its id; the attempt has failed,
    or with `Postponed` does not count. The handler that sends this has nothing more to commit
    (`Moved`).

    Raises:
        InvalidJobId: the other queue has a job of that id; nothing was changed.
        JobNotFound, LockMissing, LockMismatch, WrongState: the job is not this delivery's.
        ConnectionFailed: Redis did not answer.
    """
    job = delivery.job

    def read(code: int) -> None:
        if code == 1:
            raise InvalidJobId(f"the queue {target.name!r} has a job {job.id!r} already")
        if code:
            raise error_for_code(code, operation="relocate", job=job.id, state="active")

    failure = ("", "", "", "")
    if isinstance(outcome, Retried):
        stack = stacktrace_of(job, outcome.stack)
        failure = (outcome.reason, stack, outcome.exception or "", "1")
    arguments = (
        id_bytes(job.id),
        delivery.token,
        now_ms(),
        outcome.delay,
        outcome.data.text if outcome.data is not None else "",
        *failure,
    )
    bases = (delivery.queue.keys.base, target.keys.base)
    return script("relocate").call_on(bases, arguments, read)


def become_call(
    delivery: Delivery, name: str, data: RawJson, delay: int = 0, priority: int | None = None
) -> Call[None]:
    """Make another job of that of a delivery, under its id and in its place: what it did so far is
    neither a failure nor a result. It stays active, for the handler to move.

    Args:
        delay: ms that it is to wait, once children of it have ended.
        priority: None to keep it.

    Raises:
        JobNotFound, LockMissing, LockMismatch, WrongState: the job is not this delivery's.
        ConnectionFailed: Redis did not answer.
    """
    job = delivery.job

    def read(code: int) -> None:
        if code:
            raise error_for_code(code, operation="become", job=job.id, state="active")

    urgency = "" if priority is None else priority
    arguments = (id_bytes(job.id), delivery.token, name, data.text, delay, urgency)
    return script("become").call(delivery.queue.keys.base, arguments, read)
