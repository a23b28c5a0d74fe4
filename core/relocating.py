"""Handing a job over to another queue, in one step."""

from __future__ import annotations

from .calls import Call
from .clock import now_ms
from .delivery import Delivery
from .errors import InvalidJobId, error_for_code
from .job import id_bytes
from .outcome import Retried
from .queue import Queue
from .records import stacktrace_of
from .scripts import script


def relocate_call(delivery: Delivery, target: Queue, outcome: Retried) -> Call[None]:
    """Have the job of a delivery run again in another queue, under its id; the attempt has failed.
    The handler that sends this has nothing more to commit (`Moved`).

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

    arguments = (
        id_bytes(job.id),
        delivery.token,
        now_ms(),
        outcome.delay,
        outcome.data.text if outcome.data is not None else "",
        outcome.reason,
        stacktrace_of(job, outcome.stack),
        outcome.exception or "",
    )
    bases = (delivery.queue.keys.base, target.keys.base)
    return script("relocate").call_on(bases, arguments, read)
