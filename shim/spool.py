"""Calls that wait in a local file until Redis answers again."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bullrush.core.keys import QueueKeys
from bullrush.core.new_job import NewJob
from bullrush.core.nodes import Node
from bullrush.core.parents import Parent
from bullrush.core.spooling import Mark

#: s that a writer waits for other processes.
_PATIENCE = 60.0
_TABLES = """
CREATE TABLE IF NOT EXISTS spool (id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS waiting (
    number INTEGER PRIMARY KEY AUTOINCREMENT, doubt TEXT, jobs TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS refused (
    number INTEGER PRIMARY KEY, jobs TEXT NOT NULL, error TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class Entry:
    """What one call has put into the spool: one job, or all of a workflow.

    Attributes:
        number: its place; numbers grow and are never used twice.
        doubt: the mark of a send of which nobody knows whether Redis has carried it out.
        nodes: the jobs, every parent before its children.
    """

    number: int
    doubt: Mark | None
    nodes: list[Node]


class InTurn:
    """A lock that is had in the order in which it was asked for. With another one, threads that
    append all the time would keep out the one that replays.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._line: deque[object] = deque()

    def __enter__(self) -> None:
        me = object()
        with self._condition:
            self._line.append(me)
            try:
                while self._line[0] is not me:
                    self._condition.wait()
            except BaseException:  # Ctrl-C while it waits
                self._line.remove(me)
                self._condition.notify_all()
                raise

    def __exit__(self, *exc: object) -> None:
        with self._condition:
            self._line.popleft()
            self._condition.notify_all()


class Spool:
    """A file that several threads and processes may use at once. What `append` has written stays,
    whatever happens to the process.

    Args:
        path: where the file is; made, for its owner alone, when something is first kept.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._guard = InTurn()
        self._opened: tuple[int, sqlite3.Connection] | None = None
        self._id = ""

    def __repr__(self) -> str:
        return f"<Spool {str(self.path)!r}>"

    @property
    def id(self) -> str:
        """What tells this file from all others."""
        with self._use():
            return self._id

    def append(self, nodes: Sequence[Node], doubt: Mark | None = None) -> None:
        """Keep jobs that belong together, after all that are there.

        Args:
            doubt: see `Entry`.

        Raises:
            sqlite3.Error: it cannot be written.
        """
        row = (json.dumps(asdict(doubt)) if doubt else None, _text_of(nodes))
        with self._use() as file:
            file.execute("INSERT INTO waiting (doubt, jobs) VALUES (?, ?)", row)

    def oldest(self, most: int) -> list[Entry]:
        """The entries that came first, in their order, with so many jobs at most; one entry at
        least, if there is any.
        """
        if not self.path.exists():
            return []
        found: list[Entry] = []
        with self._use() as file:
            rows = file.execute("SELECT number, doubt, jobs FROM waiting ORDER BY number")
            for number, doubt, jobs in rows:
                entry = Entry(number, Mark(**json.loads(doubt)) if doubt else None, _nodes_in(jobs))
                most -= len(entry.nodes)
                if found and most < 0:
                    break
                found.append(entry)
                if most <= 0:
                    break
            rows.close()
        return found

    def remove(self, entries: Sequence[Entry]) -> None:
        """These are in Redis."""
        with self._use() as file, _together(file):
            numbers = [(each.number,) for each in entries]
            file.executemany("DELETE FROM waiting WHERE number = ?", numbers)

    def refuse(self, entry: Entry, error: str) -> None:
        """Redis will never take this one: put it aside for a person."""
        row = (entry.number, _text_of(entry.nodes), error)
        with self._use() as file, _together(file):
            file.execute("INSERT OR REPLACE INTO refused VALUES (?, ?, ?)", row)
            file.execute("DELETE FROM waiting WHERE number = ?", (entry.number,))

    def counts(self) -> dict[str, int]:
        """How many entries are ``waiting``, and how many were ``refused``."""
        if not self.path.exists():
            return {"waiting": 0, "refused": 0}
        with self._use() as file:
            return {
                name: file.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
                for name in ("waiting", "refused")
            }

    def close(self) -> None:
        """Close the file; a later use opens it anew."""
        with self._guard:
            opened, self._opened = self._opened, None
            if opened is not None and opened[0] == os.getpid():
                opened[1].close()

    def after_fork(self) -> None:
        """Called in a child: the lock and the open file are its parent's."""
        self._guard = InTurn()

    @contextmanager
    def _use(self) -> Iterator[sqlite3.Connection]:
        with self._guard:
            if self._opened is None or self._opened[0] != os.getpid():
                self._opened = os.getpid(), self._open()
            yield self._opened[1]

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        file = sqlite3.connect(
            self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        _share(file)
        file.execute("PRAGMA synchronous = FULL")
        with _together(file):
            for statement in _TABLES.split(";"):
                file.execute(statement)
            found = file.execute("SELECT id FROM spool").fetchone()
            if found is None:
                found = (uuid.uuid4().hex,)
                file.execute("INSERT INTO spool VALUES (?)", found)
        self._id = found[0]
        return file


def _share(file: sqlite3.Connection) -> None:
    """Let readers and a writer work at once. SQLite does not wait by itself when two processes ask
    for that in the same moment.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            file.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@contextmanager
def _together(file: sqlite3.Connection) -> Iterator[None]:
    """All of it is written, or nothing."""
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        file.execute("ROLLBACK")
        raise
    file.execute("COMMIT")


def _text_of(nodes: Sequence[Node]) -> str:
    return json.dumps(
        [[node.keys.prefix, node.keys.queue, node.has_children, _plain(node.job)] for node in nodes]
    )


def _nodes_in(text: str) -> list[Node]:
    return [
        Node(_job_in(job), QueueKeys(queue, prefix), has_children)
        for prefix, queue, has_children, job in json.loads(text)
    ]


def _plain(job: NewJob) -> dict[str, Any]:
    return {name: value for name, value in asdict(job).items() if value is not None}


def _job_in(plain: dict[str, Any]) -> NewJob:
    parent = plain.pop("parent", None)
    return NewJob(**plain, parent=Parent(**parent) if parent else None)
