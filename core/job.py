"""A stored job: THE field names of the hash, and the hash as a Python object (protocol part 1,
section 2).

No other file spells a field. Python uses `FIELDS`; Lua writes ``field.processed_on`` and gets the
spelling when a script is loaded. A `Job` keeps the bytes that Redis sent and decodes a value when
somebody asks for it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .errors import InvalidJobId
from .keys import split_base

#: Our name -> the field in Redis.
FIELDS: dict[str, str] = {
    "name": "name",
    "data": "data",
    "opts": "opts",
    "timestamp": "timestamp",
    "delay": "delay",
    "priority": "priority",
    "processed_on": "processedOn",
    "processed_by": "pb",
    "attempts_started": "ats",
    "attempts_made": "atm",
    "attempts_made_legacy": "attemptsMade",
    "stalled_count": "stc",
    "deferred_failure": "defa",
    "finished_on": "finishedOn",
    "returnvalue": "returnvalue",
    "failed_reason": "failedReason",
    "stacktrace": "stacktrace",
    "progress": "progress",
    "deduplication_id": "deid",
    "scheduler_id": "rjk",
    "parent_key": "parentKey",
    "parent": "parent",
    # Ours alone: what a Python exception was, or which tasks a task sent, as text that only the
    # Celery front reads.
    "exception": "bullrush:exception",
}

#: The public options that have a short name inside ``opts`` (protocol 2.2).
SHORT_OPTIONS: dict[str, str] = {
    "deduplication": "de",
    "failParentOnFailure": "fpof",
    "continueParentOnFailure": "cpof",
    "ignoreDependencyOnFailure": "idof",
    "removeDependencyOnFailure": "rdof",
    "keepLogs": "kl",
}

#: The parts of the public option `telemetry` -> their names inside ``opts``.
TELEMETRY_OPTIONS: dict[str, str] = {"metadata": "tm", "omitContext": "omc"}

_LONG_NAMES = {short: long for long, short in SHORT_OPTIONS.items()}
_decode = json.JSONDecoder().decode
_STORED = {name: field.encode() for name, field in FIELDS.items()}


def _text(raw: bytes | None, absent: str = "") -> str:
    return raw.decode("utf-8", "replace") if raw is not None else absent


def _number(raw: bytes | None) -> int:
    """A whole number; other libraries may have stored a fraction, and rubbish counts as nothing."""
    try:
        return int(float(raw)) if raw else 0
    except (ValueError, OverflowError):
        return 0


def _decoded(raw: bytes) -> Any:
    """JSON in UTF-8, and in nothing else: looking for other encodings costs as much as decoding.

    Raises:
        ValueError: it is none.
    """
    return _decode(raw.decode("utf-8", "surrogatepass"))


def _json(raw: bytes | None, absent: Any) -> Any:
    """Decoded JSON; rubbish that another client stored counts as nothing."""
    if raw is None:
        return absent
    try:
        return _decoded(raw)
    except (ValueError, RecursionError):
        return absent


def id_of(raw: bytes) -> str:
    """A job id as text. One that is no UTF-8 keeps its bytes as surrogates, see `id_bytes`."""
    return raw.decode("utf-8", "surrogateescape")


def id_bytes(job_id: str) -> bytes:
    """The bytes of a job id, as they stand in Redis.

    Raises:
        InvalidJobId: it is no text, or text that Redis cannot hold.
    """
    try:
        return job_id.encode("utf-8", "surrogateescape")
    except (AttributeError, UnicodeEncodeError):
        raise InvalidJobId(f"a job id is text that Redis can hold, not {job_id!r:.60}") from None


def long_options(stored: dict[str, Any]) -> dict[str, Any]:
    """Options under their public names, as Node's reader gives them."""
    options = {"attempts": 0} | {_LONG_NAMES.get(name, name): stored[name] for name in stored}
    options.pop("repeatJobKey", None)  # it is the property `scheduler_id`
    telemetry = {
        name: options.pop(short) for name, short in TELEMETRY_OPTIONS.items() if short in options
    }
    return options | ({"telemetry": telemetry} if telemetry else {})


class Job:
    """One job as it was when it was read. Immutable; ask the queue again for a newer view.

    Attributes:
        id: the job's id, text.
        base: what every key of its queue starts with, ``bull:emails:``.

    Every other property reads one field of the hash with the default that BullMQ's readers apply
    (protocol 2.1). Times are Unix milliseconds, or None when the field is absent.
    """

    __slots__ = ("_source", "base", "id")

    def __init__(
        self,
        base: str,
        job_id: str,
        stored: Mapping[bytes, bytes] | Callable[[], Mapping[bytes, bytes]],
    ) -> None:
        self.base = base
        self.id = job_id
        self._source = stored

    @property
    def _stored(self) -> Mapping[bytes, bytes]:
        """The hash. That of a job just added is made when somebody looks, which few do."""
        source = self._source
        if callable(source):
            source = self._source = source()
        return source

    @classmethod
    def from_reply(cls, base: str, job_id: str, reply: Sequence[bytes]) -> Job:
        """A job from the flat list of fields and values that HGETALL gives."""
        pairs = iter(reply)
        return cls(base, job_id, dict(zip(pairs, pairs, strict=True)))

    def raw(self, name: str) -> bytes | None:
        """The stored bytes of a field by our name for it (a key of `FIELDS`), or None."""
        source = self._source
        # A worker asks a dozen times for each job, so the way of a job that was read is short.
        stored = source if type(source) is dict else self._stored
        return stored.get(_STORED[name])

    def fields(self) -> Mapping[bytes, bytes]:
        """All stored fields, as Redis has them; for handing the job to another process."""
        return self._stored

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.name!r} on {self.queue_name!r}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Job):
            return NotImplemented
        mine = (self.base, self.id, self._stored)
        return mine == (other.base, other.id, other._stored)

    def __hash__(self) -> int:
        return hash((self.base, self.id))

    @property
    def size(self) -> int:
        """Bytes of the values of its hash."""
        return sum(map(len, self._stored.values()))

    @property
    def queue_name(self) -> str:
        """The queue it belongs to."""
        return split_base(self.base)[1]

    @property
    def prefix(self) -> str:
        """What the keys of that queue start with before its name."""
        return split_base(self.base)[0]

    @property
    def queue_qualified_name(self) -> str:
        """The queue as references to a parent name it, ``bull:emails``."""
        return self.base[:-1]

    @property
    def key(self) -> str:
        """The key of its hash, as a parent names its children, ``bull:emails:1``."""
        return self.base + self.id

    @property
    def name(self) -> str:
        """The job's name; Celery calls it the task."""
        return _text(self.raw("name"))

    @property
    def data(self) -> Any:
        """The decoded payload.

        Raises:
            ValueError: the stored text is not JSON.
        """
        raw = self.raw("data")
        return {} if raw is None else _decoded(raw)

    @property
    def opts(self) -> dict[str, Any]:
        """The stored options with BullMQ's long public names."""
        stored = _json(self.raw("opts"), {})
        return long_options(stored if isinstance(stored, dict) else {})

    def option(self, name: str) -> Any:
        """One stored option by its long public name, or None. Cheap when it is not there."""
        raw = self.raw("opts")
        stored = SHORT_OPTIONS.get(name, name)
        if raw is None or stored.encode() not in raw:
            return None
        return self.opts.get(name)

    @property
    def timestamp(self) -> int:
        """When it was added."""
        return _number(self.raw("timestamp"))

    @property
    def delay(self) -> int:
        """Milliseconds it waits in the delayed set; 0 when it does not."""
        return _number(self.raw("delay"))

    @property
    def priority(self) -> int:
        """0 (none, first in line), then 1, 2, ... up to 2 097 151."""
        return _number(self.raw("priority"))

    @property
    def processed_on(self) -> int | None:
        """When a worker took it last."""
        return _number(self.raw("processed_on")) or None

    @property
    def processed_by(self) -> str | None:
        """The name of that worker, if it had one."""
        raw = self.raw("processed_by")
        return _text(raw) if raw is not None else None

    @property
    def finished_on(self) -> int | None:
        """When it completed or failed."""
        return _number(self.raw("finished_on")) or None

    @property
    def attempts_made(self) -> int:
        """Attempts that came to an end, good or bad."""
        # Old versions counted in a field that nobody raises any more.
        made, legacy = self.raw("attempts_made"), self.raw("attempts_made_legacy")
        return _number(made) if legacy is None else max(_number(made), _number(legacy))

    @property
    def attempts_started(self) -> int:
        """How often a worker took it."""
        return _number(self.raw("attempts_started"))

    @property
    def stalled_count(self) -> int:
        """How often it was taken from a worker that had lost its lock."""
        return _number(self.raw("stalled_count"))

    @property
    def attempts(self) -> int:
        """The option `attempts`: how many attempts it may have; 0 and 1 both mean one."""
        value = self.opts.get("attempts", 0)
        if isinstance(value, float):
            return int(value) if math.isfinite(value) else 0
        return value if isinstance(value, int) else 0

    @property
    def deferred_failure(self) -> str | None:
        """Why the job must fail as soon as a worker takes it."""
        raw = self.raw("deferred_failure")
        return _text(raw) if raw is not None else None

    @property
    def returnvalue(self) -> Any:
        """What the handler returned; None before that, or when the stored text is not JSON."""
        return _json(self.raw("returnvalue"), None)

    @property
    def failed_reason(self) -> str | None:
        """The text of the last failure. It survives a later success."""
        raw = self.raw("failed_reason")
        return _text(raw) if raw is not None else None

    @property
    def stacktrace(self) -> list[str]:
        """One text per failed attempt, oldest first."""
        rows = _json(self.raw("stacktrace"), [])
        return [str(row) for row in rows] if isinstance(rows, list) else []

    @property
    def progress(self) -> Any:
        """What the handler reported last; 0 before that."""
        return _json(self.raw("progress"), 0)

    @property
    def deduplication_id(self) -> str | None:
        """The deduplication id it was added with."""
        raw = self.raw("deduplication_id")
        return _text(raw) if raw is not None else None

    @property
    def scheduler_id(self) -> str | None:
        """The job scheduler that made it."""
        raw = self.raw("scheduler_id")
        return _text(raw) if raw is not None else None

    @property
    def parent_key(self) -> str | None:
        """The key of the parent's hash, for a child of a flow."""
        raw = self.raw("parent_key")
        return _text(raw) if raw is not None else None

    @property
    def parent(self) -> dict[str, Any] | None:
        """The parent reference ``{"id", "queueKey"}`` plus its failure policy."""
        value = _json(self.raw("parent"), None)
        return value if isinstance(value, dict) else None

    def to_dict(self) -> dict[str, Any]:
        """The job as other tools know it, ready for JSON: the names and values of `toJSON` in Node.
        What is not there is left out.

        Raises:
            ValueError: the stored data is not JSON.
        """
        always = {
            "id": self.id,
            "name": self.name,
            "data": self.data,
            "opts": self.opts,
            "progress": self.progress,
            "returnvalue": self.returnvalue,
            "stacktrace": self.stacktrace,
            "delay": self.delay,
            "priority": self.priority,
            "attemptsStarted": self.attempts_started,
            "attemptsMade": self.attempts_made,
            "stalledCounter": self.stalled_count,
            "timestamp": self.timestamp,
            "queueQualifiedName": self.queue_qualified_name,
        }
        perhaps = {
            "processedOn": self.processed_on,
            "processedBy": self.processed_by,
            "finishedOn": self.finished_on,
            "failedReason": self.failed_reason,
            "deferredFailure": self.deferred_failure,
            "repeatJobKey": self.scheduler_id,
            "parentKey": self.parent_key,
            "parent": self.parent,
            "deduplicationId": self.deduplication_id,
        }
        return always | {name: value for name, value in perhaps.items() if value is not None}

    @property
    def exception(self) -> str | None:
        """The typed exception record of a Python failure, as text."""
        raw = self.raw("exception")
        return _text(raw) if raw is not None else None


def due_since(job: Job) -> int:
    """Unix ms at which a job could start for the first time: when it was added, or when its delay
    ended. One that was promoted before its time counts as if it had not been.
    """
    delay: Any = job.option("delay")
    known = isinstance(delay, (int, float)) and delay > 0
    return job.timestamp + (int(min(delay, 2**53)) if known else 0)


def waiting_since(job: Job) -> int:
    """Unix ms since which a job that waits may start: since it was due, or since it ran last."""
    return max(due_since(job), job.processed_on or 0)
