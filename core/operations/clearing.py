"""Taking jobs away (protocol part 1, sections 8.2 to 8.6)."""

from __future__ import annotations

from ..calls import Call, operation
from ..errors import JobLocked
from ..scripts import script
from .base import QueueBase


class ClearingOperations(QueueBase):
    """Remove jobs with everything that belongs to them."""

    @operation
    def remove(self, job_id: str, *, remove_children: bool = True) -> Call[bool]:
        """Take a job away, with its log and its result (protocol 8.5, and part 2, 1.10).

        A parent that waited for nothing else runs next.

        Args:
            remove_children: take all jobs below it along, finished ones too; else they stay as
                jobs without a parent.

        Returns:
            Whether it could be removed; True as well when there was no such job.

        Raises:
            JobLocked: a worker is at it, or at one of its children; nothing was removed.
            SchedulerOwnsJob: it is the next run of a job scheduler.
        """

        def read(code: int) -> bool:
            if code == 0:
                raise JobLocked(
                    f"job {job_id}, or a child of it, is being processed by a worker and cannot be "
                    "removed"
                )
            return self._checked(code, "remove", job_id) == 1

        return script("remove_job").call(
            self.keys.base, [job_id, "1" if remove_children else ""], read
        )
