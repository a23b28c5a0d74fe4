"""Deduplication ids and the jobs that have them (protocol part 2, section 3.4)."""

from __future__ import annotations

from ..calls import Call, operation
from ..checks import check_string
from ..job import id_bytes
from ..scripts import script
from .base import QueueBase


class DeduplicationOperations(QueueBase):
    """Look at deduplication ids, and free them."""

    @operation
    def get_deduplication_job_id(self, deduplication_id: str) -> Call[str | None]:
        """The id of the job that has a deduplication id; None when it is free."""

        def read(reply: bytes | None) -> str | None:
            return None if reply is None else reply.decode("utf-8", "replace")

        return Call(("GET", self._key_of(deduplication_id)), read)

    @operation
    def remove_deduplication_key(self, deduplication_id: str) -> Call[bool]:
        """Free a deduplication id, whoever has it: the next add with it makes a new job.

        Returns:
            Whether it was taken.
        """
        return Call(("DEL", self._key_of(deduplication_id)), bool)

    @operation
    def remove_deduplication_key_of(self, job_id: str) -> Call[bool]:
        """Free the deduplication id of a job, if that job has it.

        Returns:
            Whether it had it; False as well for a job without one.

        Raises:
            JobNotFound: there is no such job.
        """

        def read(code: int) -> bool:
            return self._checked(code, "removeDeduplicationKey", job_id) == 1

        return script("remove_deduplication_key").call(self.keys.base, [id_bytes(job_id)], read)

    def _key_of(self, deduplication_id: str) -> str:
        return self.keys.deduplication + check_string(deduplication_id, "a deduplication id")
