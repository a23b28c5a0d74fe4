"""What every group of operations stands on: the queue's name and keys, and reading result codes."""

from __future__ import annotations

from ..calls import Call
from ..errors import error_for_code
from ..job import Job, id_bytes
from ..keys import JOB_KEYS, QueueKeys
from ..options import JobOptions


class QueueBase:
    """A queue as its operations see it."""

    name: str
    keys: QueueKeys
    default_job_options: JobOptions

    def _hash_of(self, job_id: str) -> Call[Job | None]:
        def read(reply: list[bytes]) -> Job | None:
            return Job.from_reply(self.keys.base, job_id, reply) if reply else None

        return Call(("HGETALL", self.keys.base.encode() + id_bytes(job_id)), read)

    def _part(self, job_id: str, part: str) -> bytes:
        """A key that belongs to one job: `part` is a name of `JOB_KEYS`."""
        return self.keys.base.encode() + id_bytes(job_id) + JOB_KEYS[part].encode()

    def _checked(
        self, code: int, operation: str, job_id: str, state: str = "expected", parent: str = ""
    ) -> int:
        if code < 0:
            raise error_for_code(code, operation=operation, job=job_id, state=state, parent=parent)
        return code

    def _done(self, code: int, operation: str, job_id: str, state: str = "expected") -> None:
        self._checked(code, operation, job_id, state)
