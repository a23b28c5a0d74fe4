"""Changing one job: its data, progress, log, time and priority (protocol part 1, sections 6.10 to
6.12).
"""

from __future__ import annotations

from typing import Any

from ..calls import Argument, Call, operation
from ..checks import check_job, check_milliseconds, check_priority, check_string, check_whole
from ..clock import now_ms
from ..encoding import encode_json
from ..job import id_bytes
from ..outcome import RawJson
from ..scripts import script
from .base import QueueBase


class EditingOperations(QueueBase):
    """Change a job by its id, whether a worker has it or not. An id that is the name of one of the
    queue's own keys is refused with `InvalidJobId`.
    """

    @operation
    def update_progress(self, job_id: str, progress: Any) -> Call[None]:
        """Store how far a job is, any JSON value or `RawJson`, and tell everybody who listens
        (protocol 6.12).

        Raises:
            JobNotFound: there is no such job.
            UnserializableData: `progress` has no JSON form.
        """
        arguments: list[Argument] = [
            check_job(job_id),
            progress.text if isinstance(progress, RawJson) else encode_json(progress, "progress"),
        ]
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
        arguments: list[Argument] = [check_job(job_id), encode_json(data)]
        return script("update_data").call(
            self.keys.base, arguments, lambda code: self._done(code, "updateData", job_id)
        )

    @operation
    def change_delay(self, job_id: str, delay: int) -> Call[None]:
        """Let a delayed job run at another time (protocol 6.10).

        Args:
            delay: ms from now; 0 makes it due at once.

        Raises:
            JobNotFound: there is no such job.
            WrongState: it is not delayed.
            InvalidOption: `delay` is no whole number of ms.
        """
        return script("change_delay").call(
            self.keys.base,
            [id_bytes(job_id), now_ms(), check_milliseconds(delay, "delay")],
            lambda code: self._done(code, "changeDelay", job_id, "delayed"),
        )

    @operation
    def change_priority(self, job_id: str, priority: int, *, lifo: bool = False) -> Call[None]:
        """Give a job another priority (protocol 6.11). A job that waits moves to its new place; any
        other is put there when it comes to wait.

        Args:
            priority: 1 (first) to 2 097 151; 0 for none, which runs before every other.
            lifo: next of all jobs of that priority instead of last.

        Raises:
            JobNotFound: there is no such job.
            InvalidOption: `priority` is out of range.
        """
        return script("change_priority").call(
            self.keys.base,
            [check_job(job_id), check_priority(priority), "1" if lifo else ""],
            lambda code: self._done(code, "changePriority", job_id),
        )

    @operation
    def add_log(self, job_id: str, row: str, keep: int | None = None) -> Call[int]:
        """Add a row to a job's log; returns the number of rows (protocol 6.12).

        Args:
            keep: keep only that many of the newest rows; all with 0, as BullMQ takes `keepLogs`.

        Raises:
            JobNotFound: there is no such job.
            InvalidOption: `keep` is negative or no whole number.
        """
        most = "" if keep is None else check_whole(keep, "keep")
        arguments: list[Argument] = [check_job(job_id), check_string(row, "row"), most]
        return script("add_log").call(
            self.keys.base, arguments, lambda code: self._checked(code, "addLog", job_id)
        )

    @operation
    def clear_logs(self, job_id: str, keep: int | None = None) -> Call[None]:
        """Take rows off a job's log (protocol 6.12). A job without a log, or none, is fine.

        Args:
            keep: leave that many of the newest rows; none by default.

        Raises:
            InvalidOption: `keep` is negative or no whole number.
        """
        logs = self._part(job_id, "logs")
        if keep is not None and check_whole(keep, "keep") > 0:
            return Call(("LTRIM", logs, -keep, -1), lambda reply: None)
        return Call(("DEL", logs), lambda reply: None)
