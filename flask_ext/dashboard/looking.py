"""Jobs as pages show them: nothing that a policy hides, and nothing that breaks a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bullrush.core import Job, Queue
from bullrush.core.calls import Batch, Call, run
from bullrush.core.clock import now_ms
from bullrush.core.job import id_bytes
from bullrush.core.keys import may_be_job

from ..access.redaction import Redaction
from ..admin.shown import NOT_SHOWN, data_shown
from ..binding import current_binding

#: Name of a tab -> (words, the state whose jobs it shows).
TABS: dict[str, tuple[str, str]] = {
    "waiting": ("Waiting", "waiting"),
    "prioritized": ("Prioritized", "prioritized"),
    "active": ("Active", "active"),
    "delayed": ("Delayed", "delayed"),
    "retrying": ("Retrying", "delayed"),
    "waiting-children": ("Waiting for children", "waiting-children"),
    "completed": ("Completed", "completed"),
    "failed": ("Failed", "failed"),
    "dead": ("Dead", "failed"),
}
#: Jobs on a page.
PAGE = 50
#: Jobs that a search looks at, and of which Retrying and Dead are chosen.
SEARCHED = 2_000
_NEWEST_FIRST = ("completed", "failed")


@dataclass(frozen=True)
class JobRow:
    """A job of a list.

    Args:
        job: as it is stored.
        id: to be shown.
        data: a line of its payload.
        note: why it failed, or how far it is.
        due: Unix ms at which a delayed job may start.
    """

    job: Job
    id: str
    name: str
    data: str
    note: str
    due: int | None = None

    @property
    def run(self) -> int | None:
        """ms that it took, or has taken so far."""
        start, end = self.job.processed_on, self.job.finished_on
        return None if start is None else max(0, (end or now_ms()) - start)


@dataclass(frozen=True)
class Listing:
    """A page of jobs.

    Args:
        rows: of this page.
        total: how many there are in all, as far as they were looked at.
        page: from 1.
        pages: how many.
        partial: whether only the first `SEARCHED` were looked at.
    """

    rows: Sequence[JobRow]
    total: int
    page: int
    pages: int
    partial: bool = False


def is_job_id(text: str) -> bool:
    """Whether a job may be called so, and no key of another kind is."""
    return bool(text) and len(text) <= 1000 and may_be_job(text)


def redaction() -> Redaction:
    """What the application hides."""
    return current_binding().settings.policy.redaction


def data_of(job: Job) -> Any:
    """The payload as it may be shown; what is no JSON as text."""
    binding = current_binding()
    return data_shown(binding, job) if binding.settings.show_job_data else NOT_SHOWN


def result_of(job: Job) -> Any:
    """What it returned, as it may be shown."""
    return redaction()(job.returnvalue) if current_binding().settings.show_job_data else NOT_SHOWN


def progress_of(job: Job) -> Any:
    """What it told of its progress, as it may be shown."""
    return redaction()(job.progress) if current_binding().settings.show_job_data else NOT_SHOWN


def log_of(rows: Iterable[str]) -> list[str]:
    """The rows of its log, as they may be shown."""
    shows = current_binding().settings.show_job_data
    return [redaction().text(row) if shows else NOT_SHOWN for row in rows]


def is_retrying(job: Job) -> bool:
    """Whether a delayed job has been tried before."""
    return job.attempts_made > 0


def is_dead(job: Job) -> bool:
    """Whether a failed job has used all its attempts: nothing but a person will run it again."""
    return job.attempts_made >= max(1, job.attempts)


_CHOSEN = {"retrying": is_retrying, "dead": is_dead}


def list_jobs(queue: Queue, tab: str, page: int, find: str, total: int) -> Listing:
    """A page of a tab.

    Args:
        queue: the queue.
        tab: a name of `TABS`.
        page: from 1.
        find: text that the id, name, data or reason must contain; empty for all.
        total: how many jobs the state has.

    Raises:
        ConnectionFailed: Redis did not answer.
    """
    state, ascending = TABS[tab][1], TABS[tab][1] not in _NEWEST_FIRST
    start = (page - 1) * PAGE
    if tab not in _CHOSEN and not find:
        jobs = queue.get_jobs(state, start=start, end=start + PAGE - 1, ascending=ascending)
        pages = max(1, -(-total // PAGE))
        return Listing(_rows(queue, state, jobs[:PAGE]), total, page, pages)
    found = queue.get_jobs(state, start=0, end=SEARCHED - 1, ascending=ascending)
    chosen = [job for job in found if _CHOSEN.get(tab, bool)(job) and _matches(job, find)]
    pages = max(1, -(-len(chosen) // PAGE))
    rows = _rows(queue, state, chosen[start : start + PAGE])
    return Listing(rows, len(chosen), page, pages, partial=total > SEARCHED)


def _matches(job: Job, find: str) -> bool:
    if not find:
        return True
    sought = find.lower()
    if sought in job.id.lower() or sought in job.name.lower():
        return True
    # What is hidden cannot be found either.
    return sought in str(data_of(job)).lower() or sought in _reason(job).lower()


def _reason(job: Job) -> str:
    return redaction().text(job.failed_reason or "")


def _rows(queue: Queue, state: str, jobs: Sequence[Job]) -> list[JobRow]:
    dues = _due_times(queue, jobs) if state == "delayed" else [None] * len(jobs)
    return [
        JobRow(job, job.id, job.name, _line(data_of(job)), _note(job, state), due)
        for job, due in zip(jobs, dues, strict=True)
    ]


def _note(job: Job, state: str) -> str:
    if state == "failed" or is_retrying(job):
        return _reason(job)
    if state == "active" and job.progress:
        return f"progress {_line(redaction()(job.progress))}"
    return ""


def _line(value: Any) -> str:
    from_json = value if isinstance(value, str) else _compact(value)
    return from_json[:400]


def _compact(value: Any) -> str:
    if isinstance(value, dict):
        inside = ", ".join(f"{key}: {_compact(each)}" for key, each in list(value.items())[:20])
        return f"{{{inside}}}" if inside else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_compact(each) for each in value[:20])}]"
    return value if isinstance(value, str) else _word(value)


def _word(value: Any) -> str:
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def _due_times(queue: Queue, jobs: Sequence[Job]) -> list[int | None]:
    """When delayed jobs may start. A score has the time above a sequence number (protocol 1.2)."""

    def read(score: bytes | None) -> int | None:
        return None if score is None else int(float(score)) // 4096

    calls = [Call(("ZSCORE", queue.keys.delayed, id_bytes(job.id)), read) for job in jobs]
    return run(queue.driver, Batch(calls, list)) if calls else []
