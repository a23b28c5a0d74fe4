"""Lists of jobs and of ids, by state and position (protocol part 1, section 8.7). Nothing here
writes, and nothing is read that is not returned: long ranges are read in pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..calls import Batch, Call, Steps, procedure
from ..checks import check_position
from ..job import Job, id_of
from ..scripts import script
from .counting import CountingOperations
from .states import check_states, is_list, key_of

#: So many ids of a state, and so many jobs, are read in one round trip.
_IDS, _JOBS = 1000, 500
#: How often a page is filled up for ids that have no job, as in BullMQ.
_MOST_FILLS = 5


class ListingOperations(CountingOperations):
    """Read jobs by state.

    Positions count in each state by itself, from 0; negative ones from the end, -1 is the last. A
    range of more than one page is not a snapshot: a job that moves meanwhile may be missed, but is
    never returned twice.
    """

    @procedure
    def get_ranges(
        self, *states: str, start: int = 0, end: int = -1, ascending: bool = False
    ) -> Steps[list[str]]:
        """The ids of the jobs in some states (all by default), by position.

        Args:
            start, end: first and last position in each state.
            ascending: the next to run, or the oldest, first.

        Raises:
            InvalidOption: a state that does not exist, or a position that is no whole number.
        """
        return (yield from self._ids(states, start, end, ascending))

    @procedure
    def get_jobs(
        self, *states: str, start: int = 0, end: int = -1, ascending: bool = False
    ) -> Steps[list[Job]]:
        """The jobs in some states (all by default), by position.

        An id without a job is skipped, and the page filled with those that follow; so pages of a
        queue with such ids overlap.

        Args:
            start, end: first and last position in each state.
            ascending: the next to run, or the oldest, first.

        Raises:
            InvalidOption: a state that does not exist, or a position that is no whole number.
        """
        return (yield from self._jobs(states, start, end, ascending))

    @procedure
    def get_waiting(self, start: int = 0, end: int = -1) -> Steps[list[Job]]:
        """Waiting jobs, the next to run first."""
        return (yield from self._jobs(["waiting"], start, end, ascending=True))

    @procedure
    def get_active(self, start: int = 0, end: int = -1) -> Steps[list[Job]]:
        """Jobs that workers are at, the one taken first first."""
        return (yield from self._jobs(["active"], start, end, ascending=True))

    @procedure
    def get_delayed(self, start: int = 0, end: int = -1) -> Steps[list[Job]]:
        """Delayed jobs, the next due first."""
        return (yield from self._jobs(["delayed"], start, end, ascending=True))

    @procedure
    def get_prioritized(self, start: int = 0, end: int = -1) -> Steps[list[Job]]:
        """Waiting jobs with a priority, the next to run first."""
        return (yield from self._jobs(["prioritized"], start, end, ascending=True))

    @procedure
    def get_waiting_children(self, start: int = 0, end: int = -1) -> Steps[list[Job]]:
        """Parents that wait for their children, the longest waiting first."""
        return (yield from self._jobs(["waiting-children"], start, end, ascending=True))

    @procedure
    def get_completed(self, start: int = 0, end: int = -1) -> Steps[list[Job]]:
        """Completed jobs, the newest first."""
        return (yield from self._jobs(["completed"], start, end, ascending=False))

    @procedure
    def get_failed(self, start: int = 0, end: int = -1) -> Steps[list[Job]]:
        """Failed jobs, the newest first."""
        return (yield from self._jobs(["failed"], start, end, ascending=False))

    def _ids(
        self, states: Sequence[str], start: int, end: int, ascending: bool
    ) -> Steps[list[str]]:
        ranges = yield from self._open(states, start, end, ascending)
        while waiting := [each for each in ranges if each.wanted()]:
            yield from self._read_ids(waiting, _IDS)
        return list(dict.fromkeys(job_id for each in ranges for job_id in each.ids))

    def _jobs(
        self, states: Sequence[str], start: int, end: int, ascending: bool
    ) -> Steps[list[Job]]:
        ranges = yield from self._open(states, start, end, ascending)
        jobs: dict[str, Job] = {}
        for fill in range(1 + _MOST_FILLS):
            while waiting := [each for each in ranges if each.wanted()]:
                yield from self._read_ids(waiting, _JOBS)
                yield from self._read_jobs(waiting, jobs)
            if end < 0 or start < 0 or fill == _MOST_FILLS:
                break
            for each in ranges:
                each.extend()
        return list(jobs.values())

    def _open(
        self, states: Sequence[str], start: int, end: int, ascending: bool
    ) -> Steps[list[_Range]]:
        """The ranges to read, with positions from 0 on; for negative ones the sizes are needed."""
        check_position(start, "start")
        check_position(end, "end")
        wanted = check_states(states)
        ranges = [_Range(state, ascending, start, end) for state in wanted]
        if start < 0 or end < 0:
            counts = yield self.counts_call(*wanted)
            for each in ranges:
                each.resolve(counts[each.state])
        return ranges

    def _read_ids(self, ranges: Sequence[_Range], most: int) -> Steps[None]:
        """The next page of each range, in one round trip."""
        pages = [self._page(each, min(each.wanted(), most)) for each in ranges]
        for each, ids in zip(ranges, (yield Batch(pages, list)), strict=True):
            each.took(ids, min(each.wanted(), most))

    def _read_jobs(self, ranges: Sequence[_Range], jobs: dict[str, Job]) -> Steps[None]:
        """The jobs of the pages that were read last; ids without one are counted as missing."""
        new = [(each, job_id) for each in ranges for job_id in each.fresh()]
        for first in range(0, len(new), _JOBS):
            chunk = new[first : first + _JOBS]
            found = yield Batch([self._hash_of(job_id) for _, job_id in chunk], list)
            for (each, job_id), job in zip(chunk, found, strict=True):
                if job is None:
                    each.missing += 1
                else:
                    jobs.setdefault(job_id, job)

    def _page(self, part: _Range, count: int) -> Call[list[str]]:
        """The ids at the next `count` positions of a range."""
        key, first, last = key_of(self.keys, part.state), part.next, part.next + count - 1
        if part.state == "waiting":
            order = "1" if part.ascending else ""
            return script("waiting_ids").call(self.keys.base, [first, last, order], _texts)
        if not is_list(part.state):
            return Call(("ZRANGE" if part.ascending else "ZREVRANGE", key, first, last), _texts)
        if not part.ascending:
            return Call(("LRANGE", key, first, last), _texts)
        # The next to run is at the right end of a list.
        return Call(("LRANGE", key, -(last + 1), -(first + 1)), lambda ids: _texts(ids)[::-1])


@dataclass
class _Range:
    """How far the reading of one state has come."""

    state: str
    ascending: bool
    next: int
    last: int
    missing: int = 0
    ended: bool = False
    ids: list[str] = field(default_factory=list)
    _seen: int = 0

    def resolve(self, size: int) -> None:
        """Make positions that count from the end count from 0."""
        if self.next < 0:
            self.next = max(0, size + self.next)
        if self.last < 0:
            self.last = size + self.last

    def wanted(self) -> int:
        """How many positions are still to be read."""
        return 0 if self.ended else max(0, self.last - self.next + 1)

    def took(self, ids: list[str], asked: int) -> None:
        """A page came; a short one is the last."""
        self.ids += ids
        self.next += asked
        self.ended = len(ids) < asked

    def fresh(self) -> list[str]:
        """The ids that came since the last call."""
        new, self._seen = self.ids[self._seen :], len(self.ids)
        return new

    def extend(self) -> None:
        """Read on for the ids that had no job."""
        self.last += self.missing
        self.missing = 0


def _texts(replies: Sequence[bytes]) -> list[str]:
    return [id_of(reply) for reply in replies]
