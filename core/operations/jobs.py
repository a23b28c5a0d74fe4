"""Steering jobs, one or many: run again, run now, edit (protocol part 1, section 6)."""

from __future__ import annotations

from typing import Any

from ..calls import Call, Steps, operation, procedure
from ..clock import now_ms
from ..encoding import encode_json
from ..errors import InvalidOption
from ..scripts import script
from .base import QueueBase

_MOVE_CHUNK = 1000


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
        return script("fail_waiting").call(
            self.keys.base,
            [job_id, now_ms(), reason, exception],
            lambda code: self._done(code, "failWaiting", job_id, "waiting"),
        )

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
            [job_id, state, *flags],
            lambda code: self._done(code, "reprocessJob", job_id, state),
        )

    @procedure
    def retry_jobs(self, state: str = "failed", *, before: int | None = None) -> Steps[int]:
        """Run all failed (or completed) jobs again (protocol 6.8).

        Args:
            state: ``failed`` or ``completed``.
            before: only jobs that finished up to then, Unix ms; now by default, so that a job
                that fails again meanwhile stays.

        Returns:
            How many jobs were moved.
        """
        _check_finished_state(state)
        return (yield from self._move_many(state, now_ms() if before is None else before))

    @operation
    def promote(self, job_id: str) -> Call[None]:
        """Let a delayed job run now (protocol 6.9).

        Raises:
            WrongState: it is not delayed.
        """
        return script("promote_job").call(
            self.keys.base, [job_id], lambda code: self._done(code, "promote", job_id, "delayed")
        )

    @procedure
    def promote_jobs(self) -> Steps[int]:
        """Let all delayed jobs run now; returns how many (protocol 6.8)."""
        return (yield from self._move_many("delayed", "+inf"))

    @operation
    def update_progress(self, job_id: str, progress: Any) -> Call[None]:
        """Store how far a job is, any JSON value, and tell everybody who listens (protocol 6.12).

        Raises:
            JobNotFound: there is no such job.
            UnserializableData: `progress` has no JSON form.
        """
        arguments = [job_id, encode_json(progress, "progress")]
        return script("update_progress").call(
            self.keys.base, arguments, lambda code: self._done(code, "updateProgress", job_id)
        )

    @operation
    def update_data(self, job_id: str, data: Any) -> Call[None]:
        """Replace a job's data (protocol 6.12).

        Raises:
            JobNotFound: there is no such job.
            UnserializableData: `data` has no JSON form.
        """
        arguments = [job_id, encode_json(data)]
        return script("update_data").call(
            self.keys.base, arguments, lambda code: self._done(code, "updateData", job_id)
        )

    @operation
    def add_log(self, job_id: str, row: str, keep: int | None = None) -> Call[int]:
        """Add a row to a job's log; returns the number of rows (protocol 6.12).

        Args:
            keep: keep only that many of the newest rows.

        Raises:
            JobNotFound: there is no such job.
        """
        arguments: list[str | int] = [job_id, row, "" if keep is None else keep]
        return script("add_log").call(
            self.keys.base, arguments, lambda code: self._checked(code, "addLog", job_id)
        )

    def _move_many(self, state: str, latest: int | str) -> Steps[int]:
        moved, step = 0, _MOVE_CHUNK
        while step == _MOVE_CHUNK:
            arguments: list[str | int] = [state, _MOVE_CHUNK, latest]
            step = yield script("retry_jobs").call(self.keys.base, arguments, int)
            moved += step
        return moved


def _check_finished_state(state: str) -> None:
    if state not in ("failed", "completed"):
        raise InvalidOption(f"only 'failed' and 'completed' jobs can run again, not {state!r} ones")
