"""The jobs that an action on many is about."""

from __future__ import annotations

from dataclasses import dataclass, field

from bullrush.core import Job

from .routing import Asked
from .selection import Filter, Selection

#: Bytes that are kept of a job over its fields.
_OVERHEAD = 300
_SAMPLE = 10


@dataclass
class Found:
    """Jobs of one state.

    Attributes:
        state: where they are.
        ids: the next to run, or the oldest, first.
        sample: ids and names of a few.
        size: about how many bytes they have, without their logs.
        complete: whether the whole state was looked at.
    """

    state: str
    ids: list[str] = field(default_factory=list)
    sample: list[tuple[str, str]] = field(default_factory=list)
    size: int = 0
    complete: bool = True

    def add(self, job: Job) -> None:
        """One more."""
        self.ids.append(job.id)
        self.size += job.size + _OVERHEAD
        if len(self.sample) < _SAMPLE:
            self.sample.append((job.id, job.name))


def select(
    asked: Asked,
    state: str,
    wanted: Filter,
    scan: int,
    *,
    most: int | None = None,
    removable: bool = False,
) -> Found:
    """The jobs of a state that a filter lets through.

    Args:
        scan: how many jobs are looked at.
        most: how many are wanted.
        removable: leave out the next runs of job schedulers.
    """
    queue, found = asked.queue, Found(state)
    selection = Selection(asked.binding, queue, state, wanted)
    armed = _armed(asked) if removable else frozenset()
    seen, looked = set(), 0
    for job in selection.scan(0, scan, ascending=True):
        looked += 1
        if job is None or job.id in seen or job.id in armed:
            continue
        seen.add(job.id)
        found.add(job)
        if len(found.ids) == most:
            return found
    found.complete = looked < scan or looked >= queue.get_job_counts(state)[state]
    return found


def _armed(asked: Asked) -> frozenset[str]:
    """The ids of the next runs of job schedulers."""
    schedulers = asked.queue.get_job_schedulers()
    return frozenset(f"repeat:{each.id}:{each.next}" for each in schedulers)
