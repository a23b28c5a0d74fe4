"""Taking jobs away, one or many (protocol part 1, sections 8.2 to 8.5). What can be many goes in
slices, so that Redis serves others in between.
"""

from __future__ import annotations

from ..calls import Argument, Call, Steps, operation, procedure
from ..checks import check_job, check_milliseconds, check_whole
from ..clock import now_ms
from ..errors import CannotObliterate, JobLocked
from ..job import id_of
from ..keys import CLEAN_KEYS
from ..options import check_choice
from ..scripts import script
from .steering import SteeringOperations

#: So many jobs are looked at, or taken away, by one script: about 10 ms of Redis' time.
SLICE = 1000

_REFUSALS = {
    -1: "Cannot obliterate non-paused queue",
    -2: "Cannot obliterate queue with active jobs",
}


class ClearingOperations(SteeringOperations):
    """Remove jobs with everything that belongs to them.

    A parent that waits for a job which is drained, cleaned or obliterated: in another queue it runs
    as soon as nothing else is pending; in the same queue it is removed as well (protocol part 2,
    1.5).
    """

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
            InvalidJobId: it is a key of the queue itself.
        """

        def read(code: int) -> bool:
            if code == 0:
                raise JobLocked(
                    f"job {job_id}, or a child of it, is being processed by a worker and cannot be "
                    "removed"
                )
            return self._checked(code, "remove", job_id) == 1

        return script("remove_job").call(
            self.keys.base, [check_job(job_id), "1" if remove_children else ""], read
        )

    @procedure
    def drain(self, *, delayed: bool = False) -> Steps[int]:
        """Take away every job that waits, with a priority or without (protocol 8.2).

        Active, finished and parent jobs stay, and so does the next run of each job scheduler. Jobs
        that are added while a long queue is drained stay too.

        Args:
            delayed: take delayed jobs away as well.

        Returns:
            How many jobs were taken away.
        """
        removed, cursor = 0, [b"1", b"", b"", b"0"]
        flag = "1" if delayed else ""
        while int(cursor[0]):
            arguments: list[Argument] = [SLICE, flag, *cursor]
            step, *cursor = yield script("drain").call(self.keys.base, arguments, list)
            removed += step
        return removed

    @procedure
    def clean(self, grace: int, limit: int = 0, type: str = "completed") -> Steps[list[str]]:
        """Take away jobs of one kind that are old (protocol 8.3).

        What makes a job old is when it finished, else when a worker took it, else when it was
        added. Jobs that a worker holds and the next run of each job scheduler stay.

        Args:
            grace: ms; younger jobs stay.
            limit: at most that many are taken away, the oldest or next to run first; 0: all.
            type: ``completed``, ``failed``, ``active``, ``wait`` (or ``waiting``), ``paused`` (the
                old list of a 5.x queue), ``delayed`` or ``prioritized``.

        Returns:
            The ids of the jobs taken away.

        Raises:
            InvalidOption: another type, or a number that is negative or not whole.
        """
        check_choice(type, tuple(CLEAN_KEYS), "type of jobs to clean")
        newest = now_ms() - check_milliseconds(grace, "grace")
        left = check_whole(limit, "limit") or None
        removed: list[str] = []
        more, cursor = 1, [b"", b"0"]
        while more and left != 0:
            most = SLICE if left is None else min(SLICE, left)
            window = CLEAN_KEYS[type], newest, SLICE, most
            arguments: list[Argument] = [*window, *cursor, len(removed)]
            ids, *cursor, more = yield script("clean").call(self.keys.base, arguments, list)
            removed += [id_of(each) for each in ids]
            left = None if left is None else left - len(ids)
        return removed

    @procedure
    def obliterate(self, *, force: bool = False, count: int = SLICE) -> Steps[None]:
        """Take the whole queue away, with every job and every setting (protocol 8.4).

        It is paused first, and stays paused when it cannot be obliterated. Job schedulers go as
        well. Adding a job later begins it anew.

        Args:
            force: take active jobs too; what their workers report is then ignored.
            count: how many jobs are taken away in one step.

        Raises:
            CannotObliterate: jobs are active, or somebody resumed the queue meanwhile.
            InvalidOption: `count` is out of range.
        """
        arguments = [check_whole(count, "count", 1, SLICE), "1" if force else ""]
        yield self._pause_call()
        code = 1
        while code == 1:
            code = yield script("obliterate").call(self.keys.base, arguments, int)
        if code < 0:
            raise CannotObliterate(_REFUSALS[code])

    @operation
    def remove_deprecated_priority_key(self) -> Call[bool]:
        """Delete a key in which very old versions kept priorities; whether it was there."""
        return Call(("DEL", self.keys.legacy_priority), bool)
