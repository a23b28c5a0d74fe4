"""Looking at one job: what it is, where it is, what it logged (protocol part 1, section 8.7).
Nothing here writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..calls import Call, operation
from ..checks import check_position
from ..job import FIELDS, Job, id_bytes
from ..scripts import script
from .base import QueueBase

#: What an ended job is known by. Every job has the first; none that has not ended has the second.
ENDING_FIELDS = (
    "timestamp",
    "finished_on",
    "returnvalue",
    "failed_reason",
    "exception",
    "progress",
)
_ENDING = tuple(FIELDS[name].encode() for name in ENDING_FIELDS)


@dataclass(frozen=True)
class JobView:
    """A job and the state it was in when both were read. `job` is None without such a job."""

    job: Job | None
    state: str


class LookingOperations(QueueBase):
    """Read a job by its id."""

    @operation
    def get_job(self, job_id: str) -> Call[Job | None]:
        """The job with that id, or None."""
        return self._hash_of(job_id)

    def job_call(self, job_id: str) -> Call[Job | None]:
        """The call behind `get_job`, for a `Batch` over many jobs."""
        return self._hash_of(job_id)

    @operation
    def get_state(self, job_id: str) -> Call[str]:
        """Where a job is (protocol 8.7).

        Returns:
            ``waiting``, ``active``, ``delayed``, ``prioritized``, ``completed``, ``failed``,
            ``waiting-children`` or ``unknown``.
        """
        return script("get_state").call(self.keys.base, [id_bytes(job_id)], bytes.decode)

    @operation
    def view(self, job_id: str) -> Call[JobView]:
        """A job and its state, read in one step."""
        return self.view_call(job_id)

    def view_call(self, job_id: str) -> Call[JobView]:
        """The call behind `view`, for a `Batch` over several queues."""

        def read(reply: Any) -> JobView:
            state, stored = reply[0]
            job = Job.from_reply(self.keys.base, job_id, stored) if stored else None
            return JobView(job, state.decode())

        return script("view_jobs").call(self.keys.base, [id_bytes(job_id)], read)

    def ending_call(self, job_id: str) -> Call[Job | None]:
        """The call for what tells whether and how a job ended, for a `Batch` over many jobs: a job
        with a few fields (`ENDING_FIELDS`), or None without such a job. Far cheaper than `view`.
        """

        def read(values: list[bytes | None]) -> Job | None:
            found = {n: v for n, v in zip(_ENDING, values, strict=True) if v is not None}
            return Job(self.keys.base, job_id, found) if found else None

        return Call(("HMGET", self.keys.base.encode() + id_bytes(job_id), *_ENDING), read)

    @operation
    def get_logs(
        self, job_id: str, start: int = 0, end: int = -1, *, ascending: bool = True
    ) -> Call[list[str]]:
        """Rows of a job's log by position (protocol 6.12).

        Args:
            start, end: first and last position, from 0; -1 is the last.
            ascending: oldest first; else position 0 is the newest row.

        Raises:
            InvalidOption: a position that is no whole number.
        """
        key = self._part(job_id, "logs")
        check_position(start, "start")
        check_position(end, "end")
        window = (start, end) if ascending else (-(end + 1), -(start + 1))

        def read(rows: list[bytes]) -> list[str]:
            texts = [row.decode("utf-8", "replace") for row in rows]
            return texts if ascending else texts[::-1]

        return Call(("LRANGE", key, *window), read)

    @operation
    def get_logs_count(self, job_id: str) -> Call[int]:
        """How many rows a job's log has."""
        return Call(("LLEN", self._part(job_id, "logs")), int)
