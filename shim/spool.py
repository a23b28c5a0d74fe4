"""Jobs that wait in a local file until Redis answers again."""

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

from bullrush.core.clock import now_ms
from bullrush.core.new_job import NewJob

#: s that a writer waits for other processes.
_PATIENCE = 60.0
_TABLES = """
CREATE TABLE IF NOT EXISTS spool (id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS waiting (
    number INTEGER PRIMARY KEY AUTOINCREMENT, since INTEGER NOT NULL, prefix TEXT NOT NULL,
    queue TEXT NOT NULL, doubtful INTEGER NOT NULL, job TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS refused (
    number INTEGER PRIMARY KEY, prefix TEXT NOT NULL, queue TEXT NOT NULL, job TEXT NOT NULL,
    error TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class Entry:
    """One job in the spool.

    Attributes:
        number: its place; numbers grow and are never used twice.
        since: Unix ms at which it came.
        doubtful: whether Redis may have it already.
    """

    number: int
    since: int
    prefix: str
    queue: str
    doubtful: bool
    job: NewJob


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

    def append(self, prefix: str, queue: str, job: NewJob, *, doubtful: bool) -> None:
        """Keep a job, after all that are there.

        Raises:
            sqlite3.Error: it cannot be written.
        """
        text = json.dumps(_plain(job))
        row = (now_ms(), prefix, queue, int(doubtful), text)
        with self._use() as file:
            file.execute(
                "INSERT INTO waiting (since, prefix, queue, doubtful, job) VALUES (?, ?, ?, ?, ?)",
                row,
            )

    def oldest(self, most: int) -> list[Entry]:
        """The jobs that came first, in their order."""
        if not self.path.exists():
            return []
        with self._use() as file:
            rows = file.execute(
                "SELECT number, since, prefix, queue, doubtful, job FROM waiting "
                "ORDER BY number LIMIT ?",
                (most,),
            ).fetchall()
        return [
            Entry(number, since, prefix, queue, bool(doubtful), NewJob(**json.loads(job)))
            for number, since, prefix, queue, doubtful, job in rows
        ]

    def remove(self, entries: Sequence[Entry]) -> None:
        """These are in Redis."""
        with self._use() as file, _together(file):
            numbers = [(each.number,) for each in entries]
            file.executemany("DELETE FROM waiting WHERE number = ?", numbers)

    def refuse(self, entry: Entry, error: str) -> None:
        """Redis will never take this one: put it aside for a person."""
        row = (entry.number, entry.prefix, entry.queue, json.dumps(_plain(entry.job)), error)
        with self._use() as file, _together(file):
            file.execute("INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?, ?)", row)
            file.execute("DELETE FROM waiting WHERE number = ?", (entry.number,))

    def counts(self) -> dict[str, int]:
        """How many jobs are ``waiting``, and how many were ``refused``."""
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


def _plain(job: NewJob) -> dict[str, Any]:
    return {name: value for name, value in asdict(job).items() if value is not None}
