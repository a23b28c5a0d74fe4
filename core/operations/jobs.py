"""Moving jobs, one or many: run again, run now, fail unseen (protocol 6.7 to 6.9)."""

from __future__ import annotations

from ..calls import Call, Steps, operation, procedure
from ..checks import check_milliseconds, check_string, check_whole
from ..clock import now_ms
from ..errors import InvalidOption
from ..job import id_bytes
from ..scripts import script
from .base import QueueBase

#: So many jobs are moved by one script; more would hold Redis for too long.
MOVE_CHUNK = 1000


class JobOperations(QueueBase):
    """What can be done to a job by its id."""

    @operation
    def fail_waiting(self, job_id: str, reason: str, exception: str = "") -> Call[None]:
        """Fail a job that no worker has yet, without a run. Ours, for Celery's revoke.

        Args:
            reason: its failedReason.
            exception: text for the private exception field.

        Raises:
            JobNotFound: there is no such job.
            WrongState: a worker has it, or it has finished.
        """
        texts = check_string(reason, "reason"), check_string(exception, "exception")
        return script("fail_waiting").call(
            self.keys.base,
            [id_bytes(job_id), now_ms(), *texts],
            lambda code: self._done(code, "failWaiting", job_id, "waiting"),
        )

    def fail_waiting_call(self, job_id: str, reason: str, exception: str = "") -> Call[bool]:
        """The call behind `fail_waiting`, for a `Batch`: whether it waited and has failed now."""
        texts = check_string(reason, "reason"), check_string(exception, "exception")
        arguments: list[str | bytes | int] = [id_bytes(job_id), now_ms(), *texts]
        return script("fail_waiting").call(self.keys.base, arguments, lambda code: code == 0)

    @operation
    def retry_job(
        self,
        job_id: str,
        state: str = "failed",
        *,
        reset_attempts_made: bool = False,
        reset_attempts_started: bool = False,
    ) -> Call[None]:
        """Run a failed (or completed) job again (protocol 6.7).

        Args:
            state: the state it is in now, ``failed`` or ``completed``.
            reset_attempts_made, reset_attempts_started: count from 0 again.

        Raises:
            JobNotFound: there is no such job.
            WrongState: it is not in that state.
            InvalidOption: `state` is neither.
        """
        _check_finished_state(state)
        flags = ("1" if flag else "" for flag in (reset_attempts_made, reset_attempts_started))
        return script("retry_job").call(
            self.keys.base,
            [id_bytes(job_id), state, *flags],
            lambda code: self._done(code, "reprocessJob", job_id, state),
        )

    @procedure
    def retry_jobs(
        self, state: str = "failed", *, before: int | None = None, count: int = MOVE_CHUNK
    ) -> Steps[int]:
        """Run all failed (or completed) jobs again (protocol 6.8).

        Args:
            state: ``failed`` or ``completed``.
            before: only jobs that finished up to then, Unix ms; now by default, so that a job
                that fails again meanwhile stays.
            count: how many are moved in one step.

        Returns:
            How many jobs were moved.

        Raises:
            InvalidOption: another state, or a number out of range.
        """
        _check_finished_state(state)
        latest = now_ms() if before is None else check_milliseconds(before, "before")
        return (yield from self._move_many(state, latest, count))

    @operation
    def promote(self, job_id: str) -> Call[None]:
        """Let a delayed job run now (protocol 6.9).

        Raises:
            WrongState: it is not delayed.
        """
        return script("promote_job").call(
            self.keys.base,
            [id_bytes(job_id)],
            lambda code: self._done(code, "promote", job_id, "delayed"),
        )

    @procedure
    def promote_jobs(self, *, before: int | None = None, count: int = MOVE_CHUNK) -> Steps[int]:
        """Let all delayed jobs run now; returns how many (protocol 6.8).

        Args:
            before: only jobs that are due up to then, Unix ms. With the time it is, that does what
                workers do by themselves.
            count: how many are moved in one step.

        Raises:
            InvalidOption: a number is out of range.
        """
        latest = "+inf" if before is None else check_milliseconds(before, "before")
        return (yield from self._move_many("delayed", latest, count))

    def _move_many(self, state: str, latest: int | str, count: int) -> Steps[int]:
        moved, last = 0, check_whole(count, "count", 1, MOVE_CHUNK)
        while last == count:
            last = yield script("retry_jobs").call(self.keys.base, [state, count, latest], int)
            moved += last
        return moved


def _check_finished_state(state: str) -> None:
    if state not in ("failed", "completed"):
        raise InvalidOption(f"only 'failed' and 'completed' jobs can run again, not {state!r} ones")
