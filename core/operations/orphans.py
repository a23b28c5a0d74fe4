"""Jobs that are in no state: what is left of lost ones (protocol part 1, sections 8.6 and 12.2)."""

from __future__ import annotations

from collections.abc import Sequence

from ..calls import Argument, Call, Steps, procedure
from ..checks import check_whole
from ..scripts import script
from .listing import ListingOperations

#: How far one script looks through lists, in ids: about 10 ms of Redis' time.
_EFFORT = 500_000
_MOST_KEYS = 10_000


class OrphanOperations(ListingOperations):
    """Find jobs that no list or set holds, and settle them.

    All keys of the server are gone through with SCAN. A job that a worker has locked, and keys that
    are no job's, are left alone.
    """

    @procedure
    def remove_orphaned_jobs(self, count: int = 1000, limit: int = 0) -> Steps[int]:
        """Delete jobs that are in no state, and what is left of deleted ones (protocol 8.6).

        Args:
            count: about how many keys are looked at in one step.
            limit: at most that many jobs are deleted; 0: all.

        Returns:
            How many were deleted.

        Raises:
            InvalidOption: a number out of range.
        """
        return (yield from self._settle_orphans("remove", count, limit))

    @procedure
    def restore_orphaned_jobs(self, count: int = 1000, limit: int = 0) -> Steps[int]:
        """Let unfinished jobs that are in no state wait again, next in line. Ours: a 5.x process
        that resumes a queue can lose jobs that a 6.x process added meanwhile (protocol 12.2).

        Args and raises as `remove_orphaned_jobs`. Returns how many were restored.
        """
        return (yield from self._settle_orphans("restore", count, limit))

    def _settle_orphans(self, mode: str, count: int, limit: int) -> Steps[int]:
        check_whole(count, "count", 1, _MOST_KEYS)
        left = check_whole(limit, "limit") or None
        # Not a proof, only a way to spare the scripts most of their looking through lists.
        listed = set((yield from self._ids(("waiting", "active"), 0, -1, ascending=True)))
        settled, cursor = 0, b"0"
        while left is None or settled < left:
            scan = ("SCAN", cursor, "MATCH", self.keys.pattern, "COUNT", count)
            cursor, keys = yield Call(scan, list)
            found = (self.keys.job_of_key(key.decode("utf-8", "replace")) for key in keys)
            ids = [each for each in dict.fromkeys(found) if each and each not in listed]
            most = count if left is None else left - settled
            settled += yield from self._settle(mode, ids, most)
            if cursor == b"0":
                break
        return settled

    def _settle(self, mode: str, ids: Sequence[str], most: int) -> Steps[int]:
        settled = done = 0
        while done < len(ids) and settled < most:
            arguments: list[Argument] = [mode, _EFFORT, most - settled, *ids[done:]]
            step, gone = yield script("settle_orphans").call(self.keys.base, arguments, list)
            done += step
            settled += len(gone)
        return settled
