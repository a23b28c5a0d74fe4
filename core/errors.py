"""Everything `bullrush.core` raises, drawn as a tree.

    BullrushError
     +- InvalidInput (ValueError)            refused before anything was written
     |   +- InvalidQueueName
     |   +- InvalidJobId
     |   +- InvalidOption
     |   +- UnserializableData (TypeError)
     |   +- JobTooLarge
     +- ConnectionFailed (ConnectionError)   Redis did not answer; trying again may help
     |   +- AuthenticationFailed             trying again will not help
     +- ServerError                          Redis answered with an error
     +- JobError                             a job is not what the operation needs
     |   +- JobNotFound        (-1)
     |   +- LockMissing        (-2)
     |   +- WrongState         (-3)
     |   +- PendingChildren    (-4)
     |   +- ParentNotFound     (-5)
     |   +- LockMismatch       (-6)
     |   +- ParentNotReplaceable (-7)
     |   +- SchedulerOwnsJob   (-8)
     |   +- FailedChildren     (-9)
     |   +- SlotTaken          (-10)
     |   +- SlotsTaken         (-11)
     |   +- CircularParents   (-20)          ours; BullMQ's numbers end at -11
     |   +- SchedulerIdTaken  (-21)          ours
     |   +- JobLocked          (0 of remove)
     +- CannotObliterate                     a queue that is in use stays
     +- JobFailed                            a job that was waited for ended in failure
     +- WaitTimeout (TimeoutError)           a job that was waited for did not end in time
     +- RunEnded                             a handler was ended from outside
     |   +- SoftTimeLimitExceeded            raised inside the handler, which may clean up
     |   +- TimeLimitExceeded
     |   +- JobCancelled                     raised inside the handler
     |   +- WorkerLostError                  the process that ran it died
     +- HandlerSignal                        raised inside a handler to steer the worker
         +- UnrecoverableError               fail now, whatever attempts remain
         +- RateLimitError                   put the job back and wait for the rate limit
         +- MovedSignal                      the handler has moved the job itself
             +- DelayedError
             +- WaitingError
             +- WaitingChildrenError

The negative numbers are BullMQ's result codes (protocol part 1, section 5.2).
"""

from __future__ import annotations


class BullrushError(Exception):
    """Root of everything this library raises."""


class InvalidInput(BullrushError, ValueError):
    """An argument was refused before anything was written."""


class InvalidQueueName(InvalidInput):
    """A name that cannot be part of a Redis key."""


class InvalidJobId(InvalidInput):
    """A custom job id that BullMQ cannot hold."""


class InvalidOption(InvalidInput):
    """A job, queue or worker option that is unknown or out of range."""


class UnserializableData(InvalidInput, TypeError):
    """A value that has no JSON form."""


class JobTooLarge(InvalidInput):
    """A job's data is larger than its `size_limit` allows."""


class ConnectionFailed(BullrushError, ConnectionError):
    """Redis could not be reached or did not answer in time.

    Attributes:
        doubtful: whether Redis may have carried out what it was asked, and just the answer is lost.
    """

    doubtful = True


class AuthenticationFailed(ConnectionFailed):
    """Redis refused the user name or the password."""


class QueueNotReady(BullrushError):
    """There is no Redis to put jobs into, or it does not answer."""


class ServerError(BullrushError):
    """Redis answered with an error; `kind` is its first word (OOM, READONLY, WRONGTYPE, ...)."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.kind = message.split(" ", 1)[0] if message else ""


class JobError(BullrushError):
    """A job is not in the condition that an operation needs. `code` is BullMQ's number."""

    code = 0


class JobNotFound(JobError):
    """The job's hash does not exist."""

    code = -1


class LockMissing(JobError):
    """The delivery's lock has expired, or the job was already finished."""

    code = -2


class WrongState(JobError):
    """The job is not in the state that the operation starts from."""

    code = -3


class PendingChildren(JobError):
    """The job cannot complete while children are pending."""

    code = -4


class ParentNotFound(JobError):
    """The parent named for a new job does not exist; nothing was written."""

    code = -5


class LockMismatch(JobError):
    """Another delivery holds the job's lock."""

    code = -6


class ParentNotReplaceable(JobError):
    """The existing job belongs to another parent that still exists."""

    code = -7


class SchedulerOwnsJob(JobError):
    """The job is the armed run of a job scheduler and cannot be removed alone."""

    code = -8


class FailedChildren(JobError):
    """The job has children whose failure fails it."""

    code = -9


class SlotTaken(JobError):
    """The next time of a job scheduler's cron pattern has a job already, which is being worked or
    has ended; nothing was changed.
    """

    code = -10


class SlotsTaken(JobError):
    """The next times of a job scheduler have jobs already, 33 of them; nothing was changed."""

    code = -11


class CircularParents(JobError):
    """The job would be an ancestor of itself, and would wait for ever."""

    code = -20


class SchedulerIdTaken(JobError):
    """The id of a new job scheduler names a run of another one, as ``tick:1800000000000`` does with
    ``tick``; nothing was changed.
    """

    code = -21


class JobLocked(JobError):
    """The job is being processed and cannot be removed."""


class CannotObliterate(BullrushError):
    """The queue has active jobs, or is not paused."""


class JobFailed(BullrushError):
    """The job that was waited for ended in failure. The message is its failedReason."""

    def __init__(self, job_id: str, reason: str) -> None:
        super().__init__(reason)
        self.job_id = job_id
        self.reason = reason


class WaitTimeout(BullrushError, TimeoutError):
    """The job that was waited for did not end in time."""


class RunEnded(BullrushError):
    """The run of a handler was ended from outside."""


class SoftTimeLimitExceeded(RunEnded):
    """The soft time limit is over. Raised inside the handler."""


class TimeLimitExceeded(RunEnded):
    """The hard time limit is over; the handler was ended.

    Args:
        seconds: the limit.
    """

    def __str__(self) -> str:
        seconds = self.args[0] if len(self.args) == 1 else None
        known = isinstance(seconds, (int, float))
        return f"the hard time limit of {seconds} s is over" if known else super().__str__()


class JobCancelled(RunEnded):
    """Somebody cancelled the job while it was running. Raised inside the handler."""


class WorkerLostError(RunEnded):
    """The process that ran the job died."""


class HandlerSignal(BullrushError):
    """Raised inside a handler to tell the worker what to do with the job."""


class UnrecoverableError(HandlerSignal):
    """Fail the job now, whatever attempts remain (BullMQ's class of the same name)."""


class InvalidBatchAnswer(BullrushError):
    """A batch handler did not return one answer for each item; every item has failed."""


class RateLimitError(HandlerSignal):
    """Something the job needs is exhausted: put it back, next in line, without counting an attempt,
    and take no more jobs until the queue's rate limit opens (protocol part 1, section 6.5).

    Set the limit before, with `Delivery.rate_limit`. The message is the one by which Node knows it.
    """

    def __init__(self, message: str = "bullmq:rateLimitExceeded") -> None:
        super().__init__(message)


class MovedSignal(HandlerSignal):
    """The handler has moved the job itself: the worker has nothing to commit and goes on (protocol
    part 1, section 6.4).

    One that is raised by a handler that did not move its job is a failed attempt.
    """

    def __init__(self, message: str = "") -> None:
        # Only who did not move the job will ever see this.
        super().__init__(
            message or f"{type(self).__name__} was raised, but the job had not been moved"
        )


class DelayedError(MovedSignal):
    """Raised after `Delivery.move_to_delayed`."""


class WaitingError(MovedSignal):
    """Raised after `Delivery.move_to_wait`."""


class WaitingChildrenError(MovedSignal):
    """Raised after `Delivery.move_to_waiting_children` has returned True."""


_BY_CODE: dict[int, type[JobError]] = {
    kind.code: kind
    for kind in (
        JobNotFound,
        LockMissing,
        WrongState,
        PendingChildren,
        ParentNotFound,
        LockMismatch,
        ParentNotReplaceable,
        SchedulerOwnsJob,
        FailedChildren,
        SlotTaken,
        SlotsTaken,
        CircularParents,
        SchedulerIdTaken,
    )
}

#: Texts in Node's own wording (protocol part 2, section 1.13), so that logs of a mixed fleet can be
#: searched at once.
_TEXTS: dict[int, str] = {
    -1: "Missing key for job {job}. {operation}",
    -2: "Missing lock for job {job}. {operation}",
    -3: "Job {job} is not in the {state} state. {operation}",
    -4: "Job {job} has pending dependencies. {operation}",
    -5: "Missing key for parent job {parent}. {operation}",
    -6: "Lock mismatch for job {job}. Cmd {operation} from {state}",
    -7: "The parent job {parent} cannot be replaced. {operation}",
    -8: "Job {job} belongs to a job scheduler and cannot be removed directly. {operation}",
    -9: "Cannot complete job {job} because it has at least one failed child. {operation}",
    -10: "The next time of job scheduler {job} has a job already. {operation}",
    -11: "The next times of job scheduler {job} have jobs already. {operation}",
    -20: "Job {job} would be an ancestor of its own parent {parent}. {operation}",
    -21: "{job} cannot be the id of a job scheduler: it names a run of another one. {operation}",
}


def error_for_code(
    code: int, *, operation: str, job: str = "", state: str = "expected", parent: str = ""
) -> JobError:
    """The one place where a negative reply of a script becomes an exception."""
    kind = _BY_CODE.get(code)
    if kind is None:
        return JobError(f"Unknown result code {code} for job {job}. {operation}")
    text = _TEXTS[code].format(job=job, operation=operation, state=state, parent=parent)
    return kind(text)
