"""How many jobs there are (protocol part 1, section 8.7). Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable

from ..calls import Batch, Call, operation
from ..checks import check_kind, check_milliseconds, check_priority
from .base import QueueBase
from .states import check_states, key_of, size_of

#: What `count` means by jobs that are still to run.
_TO_RUN = ("waiting", "delayed", "prioritized", "waiting-children")


class CountingOperations(QueueBase):
    """Count jobs by state and by priority."""

    @operation
    def get_job_counts(self, *states: str) -> Batch[dict[str, int]]:
        """How many jobs are in each state, all states by default.

        Jobs that a paused 5.x queue holds in its old list count as waiting.

        Raises:
            InvalidOption: a state that does not exist.
        """
        return self.counts_call(*states)

    def counts_call(self, *states: str) -> Batch[dict[str, int]]:
        """The calls behind `get_job_counts`, for a `Batch` over several queues."""
        wanted = check_states(states)
        calls = [size_of(self.keys, state) for state in wanted]

        def read(sizes: list[int]) -> dict[str, int]:
            counts = dict(zip(wanted, sizes[1:], strict=True))
            if "waiting" in counts:
                counts["waiting"] += sizes[0]
            return counts

        return Batch([self._legacy_count(), *calls], read)

    @operation
    def count(self) -> Batch[int]:
        """How many jobs are still to run: waiting, delayed, prioritized or waiting for children."""
        batch = self.counts_call(*_TO_RUN)
        return Batch(batch.calls, lambda sizes: sum(batch.read(sizes).values()))

    @operation
    def get_waiting_count(self) -> Batch[int]:
        """How many jobs wait, those of a paused 5.x queue included."""
        return Batch([self._legacy_count(), size_of(self.keys, "waiting")], sum)

    @operation
    def get_active_count(self) -> Call[int]:
        """How many jobs workers are at."""
        return size_of(self.keys, "active")

    @operation
    def get_delayed_count(self, before: int | None = None) -> Call[int]:
        """How many jobs wait for a time.

        Args:
            before: Unix ms; only those that are due before it.

        Raises:
            InvalidOption: `before` is not a whole number of ms.
        """
        if before is None:
            return size_of(self.keys, "delayed")
        # A score holds the due time and, in its low bits, a sequence number (protocol 1.2).
        last = check_milliseconds(before, "before") * 4096 - 1
        return Call(("ZCOUNT", key_of(self.keys, "delayed"), "-inf", last), int)

    @operation
    def get_prioritized_count(self) -> Call[int]:
        """How many jobs with a priority wait."""
        return size_of(self.keys, "prioritized")

    @operation
    def get_completed_count(self) -> Call[int]:
        """How many completed jobs are kept."""
        return size_of(self.keys, "completed")

    @operation
    def get_failed_count(self) -> Call[int]:
        """How many failed jobs are kept."""
        return size_of(self.keys, "failed")

    @operation
    def get_waiting_children_count(self) -> Call[int]:
        """How many parents wait for their children."""
        return size_of(self.keys, "waiting-children")

    @operation
    def get_counts_per_priority(self, priorities: Iterable[int]) -> Batch[dict[int, int]]:
        """How many jobs of each priority wait; 0 means those without one (protocol 8.7).

        Raises:
            InvalidOption: a priority out of range.
        """
        check_kind(priorities, Iterable, "priorities", "several whole numbers")
        wanted = list(dict.fromkeys(check_priority(each) for each in priorities))
        waiting = [self._legacy_count(), size_of(self.keys, "waiting")]
        calls = [self._count_of_priority(each) for each in wanted]

        def read(sizes: list[int]) -> dict[int, int]:
            counts = dict(zip(wanted, sizes[2:], strict=True))
            return {each: counts[each] if each else sizes[0] + sizes[1] for each in wanted}

        return Batch([*waiting, *calls], read)

    def _count_of_priority(self, priority: int) -> Call[int]:
        first, last = priority * 2**32, (priority + 1) * 2**32 - 1
        return Call(("ZCOUNT", key_of(self.keys, "prioritized"), first, last), int)

    def _legacy_count(self) -> Call[int]:
        return Call(("LLEN", self.keys.paused), int)
