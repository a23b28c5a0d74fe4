"""Parents and children: what a job waits for, and what became of it (protocol part 2, sections 1.8
to 1.10). A child is named by its key, ``bull:queue:id``, since it may be in another queue.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..calls import Argument, Batch, Call, operation
from ..checks import check_kind, check_position, check_string, check_whole
from ..clock import now_ms
from ..job import Job, id_bytes
from ..keys import split_job_key
from ..options import check_choice
from ..parents import read_parent
from ..scripts import script
from .base import QueueBase

#: What a child can be to its parent -> the part of the parent's keys that holds it. The names are
#: BullMQ's and crossed on purpose: what it calls `ignored` is in the key ``failed``.
_PARTS: dict[str, str] = {
    "processed": "processed",
    "unprocessed": "dependencies",
    "ignored": "failed",
    "failed": "unsuccessful",
}
KINDS: tuple[str, ...] = tuple(_PARTS)
_SIZES = {"processed": "HLEN", "unprocessed": "SCARD", "ignored": "HLEN", "failed": "ZCARD"}
_READS = {"processed": "HGETALL", "unprocessed": "SMEMBERS", "ignored": "HGETALL"}
_SCANS = {"processed": "HSCAN", "unprocessed": "SSCAN", "ignored": "HSCAN"}


@dataclass(frozen=True)
class Page:
    """Which part of a collection is wanted.

    Args:
        cursor: 0 at first, then what the last page gave.
        count: about how many; a small collection comes as a whole.
    """

    cursor: int = 0
    count: int = 20


def _page(kind: str, page: Any) -> Page:
    """A page that can be asked for.

    Raises:
        InvalidOption: it is none.
    """
    check_kind(page, Page, kind, "a Page")
    check_whole(page.cursor, f"{kind}.cursor", most=2**64 - 1)
    check_whole(page.count, f"{kind}.count")
    return page  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Dependencies:
    """The children of a job by what became of them. A kind that was not asked for is empty.

    Args:
        processed: key of the child -> the value it returned.
        unprocessed: keys of children the job waits for.
        ignored: key of the child -> why it failed without failing the job.
        failed: keys of children whose failure fails the job, oldest first.
        cursors: where the next page of a kind begins; 0 after the last.
    """

    processed: dict[str, Any] = field(default_factory=dict)
    unprocessed: list[str] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    cursors: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Dependency:
    """One child of a page.

    Args:
        key: the key of its hash.
        value: what it returned, or why it failed; None for one that is pending.
        error: why the stored value could not be read, or None.
        job: the child itself; None when it is gone.
    """

    key: str
    value: Any = None
    error: str | None = None
    job: Job | None = None


@dataclass(frozen=True)
class DependencyPage:
    """Children by position, and how many there are in all."""

    items: list[Dependency]
    total: int


class ChildOperations(QueueBase):
    """Look at the children of a job, and let go of them."""

    @operation
    def get_children_values(self, job_id: str) -> Call[dict[str, Any]]:
        """What the children of a job returned: key of the child -> value (protocol part 2, 1.9).

        A value that is not JSON, which only another client can have put there, is None.
        """
        return Call(("HGETALL", self._child_key(job_id, "processed")), _values)

    @operation
    def get_ignored_children_failures(self, job_id: str) -> Call[dict[str, str]]:
        """Why children failed that do not fail the job: key of the child -> reason."""
        return Call(("HGETALL", self._child_key(job_id, "ignored")), _texts)

    @operation
    def view_children(self, job_id: str) -> Batch[tuple[dict[str, bytes], dict[str, str]]]:
        """What the children of a job returned, and why those failed that do not fail the job: two
        mappings by the key of the child. The values are JSON text as it is stored. Ours.
        """

        def read(reply: Sequence[bytes]) -> dict[str, bytes]:
            return dict(zip(map(_text, reply[::2]), reply[1::2], strict=True))

        values = Call(("HGETALL", self._child_key(job_id, "processed")), read)
        failures = Call(("HGETALL", self._child_key(job_id, "ignored")), _texts)
        return Batch([values, failures], lambda both: (both[0], both[1]))

    @operation
    def get_job_dependencies(
        self,
        job_id: str,
        *,
        processed: Page | None = None,
        unprocessed: Page | None = None,
        ignored: Page | None = None,
        failed: Page | None = None,
    ) -> Batch[Dependencies]:
        """The children of a job by what became of them (protocol part 2, section 1.9).

        Args:
            processed, unprocessed, ignored, failed: the page wanted of each kind. With none of
                them, everything.
        """
        pages = {"processed": processed, "unprocessed": unprocessed}
        pages |= {"ignored": ignored, "failed": failed}
        wanted = {kind: _page(kind, page) for kind, page in pages.items() if page is not None}
        if wanted:
            return Batch([self._page_of(job_id, *each) for each in wanted.items()], _merged)
        return Batch([self._all(job_id, kind) for kind in KINDS], _merged)

    @operation
    def get_dependencies_count(self, job_id: str, *kinds: str) -> Batch[dict[str, int]]:
        """How many children a job has of each kind, all kinds by default.

        Args:
            *kinds: ``processed``, ``unprocessed``, ``ignored``, ``failed``.

        Raises:
            InvalidOption: a kind that does not exist.
        """
        for kind in kinds:
            check_choice(kind, KINDS, "kind of children")
        wanted = kinds or KINDS
        calls = [Call((_SIZES[kind], self._child_key(job_id, kind)), int) for kind in wanted]
        return Batch(calls, lambda sizes: dict(zip(wanted, sizes, strict=True)))

    @operation
    def get_dependencies(
        self, parent_id: str, kind: str, start: int = 0, end: int = -1
    ) -> Call[DependencyPage]:
        """Children by position, with their jobs (protocol part 2, section 1.9).

        The order is none, and changes when children come or go.

        Args:
            kind: ``processed``, ``pending`` (or ``unprocessed``), ``ignored`` or ``failed``.
            start, end: first and last position, from 0; -1 is the last.

        Raises:
            InvalidOption: a kind that does not exist, or a negative `start`.
        """
        kind = "unprocessed" if kind == "pending" else kind
        check_choice(kind, KINDS, "kind of children")
        first, last = check_whole(start, "start"), check_position(end, "end")

        def read(reply: Any) -> DependencyPage:
            total, members = reply
            return DependencyPage([_dependency(kind, *member) for member in members], total)

        arguments: list[Argument] = [self._child_key(parent_id, kind), first, last]
        return script("view_members").call(self.keys.base, arguments, read)

    @operation
    def remove_child_dependency(self, job_id: str) -> Call[bool]:
        """Make a child independent: its parent waits for it no longer (protocol part 2, 1.10).

        Returns:
            Whether the parent waited for it.

        Raises:
            JobNotFound: there is no such job.
            ParentNotFound: it has no parent, or the parent is gone.
        """

        def read(code: int) -> bool:
            operation = "removeChildDependency"
            return self._checked(code, operation, job_id, parent=f"of {job_id}") == 1

        return script("remove_child_dependency").call(self.keys.base, [id_bytes(job_id)], read)

    @operation
    def remove_unprocessed_children(self, job_id: str) -> Call[int]:
        """Take away the children a job waits for, and what they wait for (protocol part 2, 1.10).

        One that a worker has, and one that failed, stays; what is finished is not touched.

        Returns:
            How many jobs were removed.

        Raises:
            JobNotFound: there is no such job.
        """
        return script("remove_unprocessed_children").call(
            self.keys.base,
            [id_bytes(job_id)],
            lambda code: self._checked(code, "removeUnprocessedChildren", job_id),
        )

    @operation
    def move_to_waiting_children(
        self, job_id: str, token: str, child: str | Mapping[str, str] | None = None
    ) -> Call[bool]:
        """Let an active job wait for children that were added while it runs (protocol part 2, 1.8).

        When they are done it runs again from the start; no attempt is counted.

        Args:
            token: that of the lock.
            child: wait for this one only: its key, or BullMQ's ``{"id", "queue"}``.

        Returns:
            True when it waits now and its lock is gone: the handler has to leave the job alone.
            False when there is nothing to wait for; then nothing changed.

        Raises:
            JobNotFound, LockMissing, LockMismatch, WrongState: it is not this worker's job.
            FailedChildren: a child has failed it.
            InvalidOption: `child` is neither.
        """
        key = child if isinstance(child, str) or child is None else read_parent(child, "child").key
        who, name = check_string(token, "token"), check_string(key or "", "child")
        arguments: list[Argument] = [id_bytes(job_id), who, now_ms(), name]

        def read(code: int) -> bool:
            return self._checked(code, "moveToWaitingChildren", job_id, "active") == 0

        return script("move_to_waiting_children").call(self.keys.base, arguments, read)

    def _child_key(self, job_id: str, kind: str) -> bytes:
        return self._part(job_id, _PARTS[kind])

    def _all(self, job_id: str, kind: str) -> Call[Dependencies]:
        key = self._child_key(job_id, kind)
        command = (_READS[kind], key) if kind in _READS else ("ZRANGE", key, 0, -1)
        return Call(command, lambda reply: Dependencies(**{kind: _decoded(kind, reply)}))

    def _page_of(self, job_id: str, kind: str, page: Page) -> Call[Dependencies]:
        key = self._child_key(job_id, kind)
        if kind in _SCANS:
            command = (_SCANS[kind], key, page.cursor, "COUNT", max(1, page.count))
            return Call(command, lambda reply: _one_page(kind, int(reply[0]), reply[1]))
        # One more than wanted shows whether there is another page.
        last = page.cursor + page.count

        def read(members: Sequence[bytes]) -> Dependencies:
            following = last if len(members) > page.count else 0
            return _one_page(kind, following, members[: page.count])

        return Call(("ZRANGE", key, page.cursor, last), read)


def _one_page(kind: str, cursor: int, reply: Sequence[bytes]) -> Dependencies:
    return Dependencies(**{kind: _decoded(kind, reply)}, cursors={kind: cursor})


def _merged(parts: Sequence[Dependencies]) -> Dependencies:
    """One answer of those for each kind."""
    merged: dict[str, Any] = {"cursors": {}}
    for part in parts:
        merged["cursors"] |= part.cursors
        merged |= {kind: getattr(part, kind) for kind in KINDS if getattr(part, kind)}
    return Dependencies(**merged)


def _decoded(kind: str, reply: Sequence[bytes]) -> Any:
    if kind == "processed":
        return _values(reply)
    return _texts(reply) if kind == "ignored" else [_text(member) for member in reply]


def _values(flat: Sequence[bytes]) -> dict[str, Any]:
    return {key: _json(value)[0] for key, value in _texts(flat).items()}


def _texts(flat: Sequence[bytes]) -> dict[str, str]:
    return dict(zip(map(_text, flat[::2]), map(_text, flat[1::2]), strict=True))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _json(text: str) -> tuple[Any, str | None]:
    """(value, None), or (None, why it is no JSON)."""
    try:
        return json.loads(text), None
    except ValueError as error:
        return None, str(error)


def _dependency(kind: str, member: bytes, value: bytes, stored: Sequence[bytes]) -> Dependency:
    key, found, error = _text(member), None, None
    if kind == "processed":
        found, error = _json(_text(value))
    elif kind == "ignored":
        found = _text(value)
    job = Job.from_reply(*split_job_key(key), stored) if stored else None
    return Dependency(key, found, error, job)
