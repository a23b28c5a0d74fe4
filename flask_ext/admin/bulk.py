"""Actions on many jobs at once, with a dry run for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Literal

from pydantic import Field
from werkzeug.exceptions import Conflict, RequestEntityTooLarge

from bullrush.core.clock import now_ms
from bullrush.core.errors import JobError

from ..access.roles import Role
from .models import Answer, Body, JobId, Milliseconds, Name, Part
from .routing import Asked, Routes
from .selecting import Found, select
from .selection import Filter, State
from .undo import MOST_JOBS, ROOM, Shelf

ROUTES = Routes()
_QUEUE = "/admin/queues/<path:queue>"
#: Jobs of a dry run that are shown.
_SAMPLE = 10
#: Jobs that are looked at, at most.
MOST_SCANNED = 100_000


class Sample(Answer):
    """One of the jobs that an action is about."""

    id: str
    name: str
    state: str


class Changed(Answer):
    """What an action on many jobs did, or would do."""

    dry_run: bool
    matched: int = Field(description="how many jobs it is about")
    changed: int = Field(description="how many it changed; 0 in a dry run")
    complete: bool = Field(description="false when there may be more jobs: ask again")
    sample: list[Sample]
    undo: str | None = Field(description="the id by which it can be undone")


class Bulk(Body):
    """What all actions on many jobs have."""

    dry_run: bool = Field(False, description="say how many jobs it is about, and change nothing")


class Filtered(Bulk):
    """Which jobs of a state are meant; all of them without any of these."""

    name: Name | None = Field(None, description="`*` stands for any text")
    search: Part | None = Field(None, description="in id, name, failed reason and data")
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")] | None = None
    ids: list[JobId] | None = Field(None, min_length=1, max_length=1000)
    older_than: Milliseconds | None = None
    scan: int = Field(MOST_SCANNED, ge=1, le=MOST_SCANNED, description="jobs that are looked at")

    def filter(self) -> Filter:
        """As a filter."""
        ids = None if self.ids is None else frozenset(self.ids)
        return Filter(self.name, self.search, self.fingerprint, ids, self.older_than)


class RetryMany(Filtered):
    """Which jobs run again."""

    state: Literal["failed", "completed"] = "failed"
    reset_attempts: bool = False


class RemoveMany(Filtered):
    """Which jobs are removed."""

    state: State
    undo: bool = Field(True, description="keep them for 24 hours")


class Drain(Bulk):
    """What is drained."""

    delayed: bool = Field(False, description="delayed jobs as well")
    undo: bool = Field(True, description="keep them for 24 hours")


class Clean(Bulk):
    """What is cleaned."""

    state: Literal["completed", "failed", "active", "waiting", "delayed", "prioritized"]
    grace: Milliseconds = Field(0, description="ms; younger jobs stay")
    limit: int = Field(0, ge=0, le=2**31, description="at most that many, the oldest; 0: all")
    undo: bool = Field(True, description="keep them for 24 hours")


@ROUTES.action(f"{_QUEUE}/retry")
def retry_jobs(asked: Asked, body: RetryMany) -> Changed:
    """Run many failed or completed jobs again."""
    reset = body.reset_attempts

    def retry(job_id: str) -> None:
        asked.queue.retry_job(
            job_id, body.state, reset_attempts_made=reset, reset_attempts_started=reset
        )

    return _each(asked, body, body.state, retry)


@ROUTES.action(f"{_QUEUE}/promote")
def promote_jobs(asked: Asked, body: Filtered) -> Changed:
    """Let many delayed jobs run now."""
    return _each(asked, body, "delayed", asked.queue.promote)


@ROUTES.action(f"{_QUEUE}/remove", Role.ADMIN)
def remove_jobs(asked: Asked, body: RemoveMany) -> Changed:
    """Take many jobs of one state away. The jobs below them stay, without a parent."""
    found = select(asked, body.state, body.filter(), body.scan)
    if not body.dry_run and body.undo:
        return _shelve(asked, [found], before=None)
    if body.dry_run:
        return dry(asked, [found])
    return _done(
        asked, [found], _count(found.ids, partial(asked.queue.remove, remove_children=False))
    )


@ROUTES.action(f"{_QUEUE}/drain", Role.ADMIN)
def drain_queue(asked: Asked, body: Drain) -> Changed:
    """Take every job away that waits. The next runs of job schedulers stay."""
    states = ("waiting", "prioritized", *(("delayed",) if body.delayed else ()))
    if not body.undo and not body.dry_run:
        return _done(asked, [], asked.queue.drain(delayed=body.delayed))
    if not body.dry_run:
        refuse_many(sum(asked.queue.get_job_counts(*states).values()))
    found = [select(asked, state, Filter(), MOST_SCANNED, removable=True) for state in states]
    return dry(asked, found) if body.dry_run else _shelve(asked, found, before=None)


@ROUTES.action(f"{_QUEUE}/clean", Role.ADMIN)
def clean_queue(asked: Asked, body: Clean) -> Changed:
    """Take old jobs of one state away."""
    if not body.undo and not body.dry_run:
        return _done(asked, [], len(asked.queue.clean(body.grace, body.limit, body.state)))
    before = now_ms() - body.grace
    wanted = Filter(older_than=body.grace)
    limit = body.limit or MOST_SCANNED
    found = select(asked, body.state, wanted, MOST_SCANNED, most=limit, removable=True)
    return dry(asked, [found]) if body.dry_run else _shelve(asked, [found], before=before)


def dry(asked: Asked, found: Iterable[Found], *, complete: bool = True) -> Changed:
    """What a dry run says."""
    asked.note = "dry run"
    return _answer(list(found), 0, dry_run=True, complete=complete)


def refuse_large(found: Iterable[Found]) -> None:
    """Refuse to keep more than there is room for, before anything is taken away.

    Raises:
        RequestEntityTooLarge: says what to do instead.
    """
    found = list(found)
    size = sum(each.size for each in found)
    if size > ROOM:
        raise RequestEntityTooLarge(
            f"undo: {size} bytes would have to be kept, and {ROOM} is the most; take fewer jobs at "
            "once, or send 'undo': false"
        )
    refuse_many(sum(len(each.ids) for each in found))


def refuse_many(jobs: int) -> None:
    """As `refuse_large`, by the number of jobs."""
    if jobs > MOST_JOBS:
        raise RequestEntityTooLarge(
            f"undo: {jobs} jobs would have to be kept, and {MOST_JOBS} is the most; take fewer "
            "jobs at once, or send 'undo': false"
        )


def _each(asked: Asked, body: Filtered, state: str, act: Callable[[str], object]) -> Changed:
    found = select(asked, state, body.filter(), body.scan)
    if body.dry_run:
        return dry(asked, [found])
    return _done(asked, [found], _count(found.ids, act))


def _count(ids: Iterable[str], act: Callable[[str], object]) -> int:
    """For how many an action went well. The others have moved on meanwhile."""
    done = 0
    for job_id in ids:
        try:
            done += act(job_id) is not False
        except JobError:
            continue
    return done


def _shelve(asked: Asked, found: list[Found], before: int | None) -> Changed:
    refuse_large(found)
    shelf = Shelf(asked, asked.queue)
    fits = all(shelf.take(each.ids, each.state, before=before) for each in found)
    answer = _done(asked, found, shelf.jobs)
    answer.undo = shelf.label(asked.action)
    answer.complete = answer.complete and fits
    return answer


def _done(asked: Asked, found: list[Found], changed: int) -> Changed:
    asked.count = changed
    return _answer(found, changed, dry_run=False)


def _answer(found: list[Found], changed: int, *, dry_run: bool, complete: bool = True) -> Changed:
    rows = [Sample(id=i, name=n, state=each.state) for each in found for i, n in each.sample]
    return Changed(
        dry_run=dry_run,
        matched=sum(len(each.ids) for each in found) if found else changed,
        changed=changed,
        complete=complete and all(each.complete for each in found),
        sample=rows[:_SAMPLE],
        undo=None,
    )


class Obliterate(Bulk):
    """How a queue is taken away."""

    confirm: int | None = Field(None, ge=0, description="how many jobs it has, as a dry run says")
    force: bool = Field(False, description="active jobs as well")
    undo: bool = Field(True, description="keep everything for 24 hours")


_ALL: tuple[State, ...] = (
    "failed",
    "completed",
    "waiting-children",
    "delayed",
    "prioritized",
    "waiting",
    "active",
)


@ROUTES.action(f"{_QUEUE}/obliterate", Role.ADMIN)
def obliterate_queue(asked: Asked, body: Obliterate) -> Changed:
    """Take a whole queue away, with every job, setting and scheduler. `confirm` has to be the
    number of its jobs.
    """
    queue = asked.queue
    counts = queue.get_job_counts()
    total = sum(counts.values())
    if not body.dry_run and body.confirm != total:
        raise Conflict(f"confirm: the queue has {total} jobs; send that number")
    if not body.dry_run and counts["active"] and not body.force:
        raise Conflict(f"{counts['active']} jobs are active: send 'force': true to lose them")
    if not body.undo and not body.dry_run:
        queue.obliterate(force=body.force)
        asked.binding.catalogue.forget()
        return _done(asked, [], total)
    if not body.dry_run:
        refuse_many(total)
    found = [select(asked, state, Filter(), MOST_SCANNED) for state in _ALL]
    if body.dry_run:
        return dry(asked, found)
    refuse_large(found)
    return _obliterate_with_undo(asked, found, force=body.force)


def _obliterate_with_undo(asked: Asked, found: list[Found], *, force: bool) -> Changed:
    queue = asked.queue
    shelf, paused = Shelf(asked, queue), queue.is_paused()
    queue.pause()
    fits = all(shelf.take(each.ids, each.state, force=True) for each in found)
    undo_id = None
    if fits:
        shelf.take_settings(paused=paused)
        undo_id = shelf.label(asked.action)
        queue.obliterate(force=force)
    answer = _done(asked, found, shelf.jobs)
    answer.undo = undo_id or shelf.label(asked.action)
    answer.complete = answer.complete and fits
    asked.binding.catalogue.forget()
    return answer
