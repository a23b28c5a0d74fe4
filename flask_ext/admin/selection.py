"""Finding jobs of one state by what they are: a filter, and a bounded look through the state."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bullrush.core import Job, Queue
from bullrush.core.calls import Batch, run
from bullrush.core.clock import now_ms

from ..binding import Binding
from .fingerprints import fingerprint_of
from .models import JobId, Milliseconds, Name, Part
from .shown import data_shown, redaction_of

State = Literal[
    "waiting",
    "active",
    "delayed",
    "prioritized",
    "completed",
    "failed",
    "waiting-children",
]
#: Jobs that are read in one round trip.
_CHUNK = 250


@dataclass(frozen=True)
class Filter:
    """Which jobs are meant; None is any.

    Attributes:
        name: the name of the job; ``*`` stands for any text.
        search: a part of its id, name, failed reason or data, as they are shown.
        fingerprint: of its failure.
        ids: one of these.
        older_than: ms since it finished, else was taken, else was added.
    """

    name: Name | None = None
    search: Part | None = None
    fingerprint: str | None = None
    ids: frozenset[JobId] | None = None
    older_than: Milliseconds | None = None

    @property
    def is_open(self) -> bool:
        """Whether it lets every job through."""
        return self == Filter()


class Selection:
    """The jobs of one state of a queue that a filter lets through.

    Args:
        binding: says what is shown, so that a search finds no secret.
        queue: the queue.
        state: the state.
        wanted: the filter.
    """

    def __init__(self, binding: Binding, queue: Queue, state: str, wanted: Filter) -> None:
        self._binding, self._queue, self._state, self._wanted = binding, queue, state, wanted
        self._newest = now_ms() - (wanted.older_than or 0)

    def scan(self, start: int, most: int, *, ascending: bool = False) -> Iterator[Job | None]:
        """The jobs at up to `most` positions from `start` on; None for those not let through."""
        position, end = start, start + most
        while position < end:
            asked = min(_CHUNK, end - position)
            last = position + asked - 1
            ids = self._queue.get_ranges(self._state, start=position, end=last, ascending=ascending)
            for job in self._read(ids):
                yield job if job is not None and self.fits(job) else None
                position += 1
            if len(ids) < asked:
                return

    def _read(self, ids: list[str]) -> list[Job | None]:
        calls = [self._queue.job_call(each) for each in ids]
        return run(self._queue.driver, Batch(calls, list)) if calls else []

    def fits(self, job: Job) -> bool:
        """Whether the filter lets a job through."""
        wanted = self._wanted
        if wanted.ids is not None and job.id not in wanted.ids:
            return False
        if wanted.name is not None and not fnmatch.fnmatchcase(job.name, _pattern(wanted.name)):
            return False
        if wanted.older_than is not None and _moment(job) > self._newest:
            return False
        if wanted.fingerprint is not None and fingerprint_of(job).id != wanted.fingerprint:
            return False
        return wanted.search is None or self._has(job, wanted.search)

    def _has(self, job: Job, text: str) -> bool:
        text = text.lower()
        redaction = redaction_of(self._binding)
        reason = redaction.text(job.failed_reason or "")
        if any(text in each.lower() for each in (job.id, job.name, reason)):
            return True
        if not self._binding.settings.show_job_data:
            return False
        # Only what is shown is searched: or else a secret could be guessed letter by letter.
        shown = data_shown(self._binding, job)
        return text in json.dumps(shown, ensure_ascii=False).lower()


def newest(binding: Binding, queue: Queue, state: str, most: int) -> list[Job]:
    """The newest jobs of a state, `most` at most."""
    jobs = Selection(binding, queue, state, Filter()).scan(0, most)
    return [job for job in jobs if job is not None]


def _pattern(name: str) -> str:
    """Only the star is special."""
    return "".join(f"[{char}]" if char in "[?" else char for char in name)


def _moment(job: Job) -> int:
    return job.finished_on or job.processed_on or job.timestamp
