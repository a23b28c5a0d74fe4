"""THE key layout of BullMQ (protocol part 1, section 1). No other file spells a key.

Python asks a `QueueKeys`; Lua writes ``base .. key.wait`` and gets the spelling when the script is
loaded.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from functools import cached_property

from .errors import InvalidJobId, InvalidQueueName

DEFAULT_PREFIX = "bull"

#: Keys of a queue: our name -> what follows ``<prefix>:<queue>:``. Lua knows them as ``key.NAME``.
QUEUE_KEYS: dict[str, str] = {
    "wait": "wait",
    "paused": "paused",
    "active": "active",
    "prioritized": "prioritized",
    "priority_counter": "pc",
    "delayed": "delayed",
    "completed": "completed",
    "failed": "failed",
    "waiting_children": "waiting-children",
    "stalled": "stalled",
    "stalled_check": "stalled-check",
    "marker": "marker",
    "meta": "meta",
    "id": "id",
    "events": "events",
    "limiter": "limiter",
    "metrics_completed": "metrics:completed",
    "metrics_failed": "metrics:failed",
    "metrics_completed_data": "metrics:completed:data",
    "metrics_failed_data": "metrics:failed:data",
    "deduplication": "de:",
    "deduplication_next": "dn:",
    "repeat": "repeat",
    # Names of very old versions, which nothing uses any more.
    "legacy_delay": "delay",
    "legacy_priority": "priority",
}

#: Keys of one job: what follows the key of its hash. Lua knows them as ``jobkey.NAME``.
JOB_KEYS: dict[str, str] = {
    "lock": ":lock",
    "logs": ":logs",
    "dependencies": ":dependencies",
    "processed": ":processed",
    "failed": ":failed",
    "unsuccessful": ":unsuccessful",
}

#: Fields of the meta hash. Lua knows them as ``meta.NAME``.
META_FIELDS: dict[str, str] = {
    "max_events": "opts.maxLenEvents",
    "version": "version",
    "paused": "paused",
    "concurrency": "concurrency",
    "max": "max",
    "duration": "duration",
}

#: Fields of the definition of a job scheduler, the hash at the key ``repeat``, a colon and its id
#: (protocol part 2, section 2.1). Lua knows them as ``schedule.NAME``.
SCHEDULE_FIELDS: dict[str, str] = {
    "name": "name",
    "data": "data",
    "opts": "opts",
    "every": "every",
    "pattern": "pattern",
    "zone": "tz",
    "offset": "offset",
    "limit": "limit",
    "start": "startDate",
    "end": "endDate",
    "count": "ic",
}

#: Job ids whose hash, or whose own keys, would be one of the queue's keys (protocol 2.3).
RESERVED_IDS: frozenset[str] = frozenset(suffix.partition(":")[0] for suffix in QUEUE_KEYS.values())

#: What comes before the first colon of keys of a queue that are no hashes.
_OTHER_KINDS = frozenset({"de", "dn", "metrics"})

#: No id of a person or a program is longer; a longer one is somebody's whole data.
LONGEST_ID = 256

#: Fields of the hashes that count finished jobs. Lua knows them as ``metric.NAME``.
METRICS_FIELDS: dict[str, str] = {
    "count": "count",
    "prev_ts": "prevTS",
    "prev_count": "prevCount",
}

#: States a job can be in (protocol 8.7) -> the key that holds its id.
STATE_KEYS: dict[str, str] = {
    "active": "active",
    "completed": "completed",
    "delayed": "delayed",
    "failed": "failed",
    "prioritized": "prioritized",
    "waiting": "wait",
    "waiting-children": "waiting_children",
}

#: What can be cleaned, by the names that BullMQ's clean takes -> the key that holds the ids.
CLEAN_KEYS: dict[str, str] = {
    "completed": "completed",
    "failed": "failed",
    "active": "active",
    "wait": "wait",
    "waiting": "wait",
    "paused": "paused",
    "delayed": "delayed",
    "prioritized": "prioritized",
}


@dataclass(frozen=True)
class QueueKeys:
    """The keys of one queue.

    Args:
        queue: the queue's name, non-empty and without ``:``.
        prefix: what BullMQ calls the prefix; ``{bull}`` puts all queues into one Cluster slot.

    Raises:
        InvalidQueueName: the name or the prefix cannot be part of a key.
    """

    queue: str
    prefix: str = DEFAULT_PREFIX

    def __post_init__(self) -> None:
        check_queue_name(self.queue)
        if not isinstance(self.prefix, str) or not self.prefix.isprintable():
            raise InvalidQueueName(
                f"a key prefix is text without control characters, not {self.prefix!r:.60}"
            )
        if not self.prefix or self.prefix.endswith(":"):
            raise InvalidQueueName(
                f"the key prefix {self.prefix!r} is empty or ends with ':'; use a word such as "
                f"{DEFAULT_PREFIX!r}"
            )

    @cached_property
    def base(self) -> str:
        """What every key of the queue starts with, ``bull:emails:``."""
        return f"{self.prefix}:{self.queue}:"

    @property
    def qualified(self) -> str:
        """The queue's name in parent references, ``bull:emails``."""
        return f"{self.prefix}:{self.queue}"

    def __getattr__(self, name: str) -> str:
        """``keys.wait``, ``keys.events``, ...: one attribute per row of `QUEUE_KEYS`."""
        try:
            return self.base + QUEUE_KEYS[name]
        except KeyError:
            raise AttributeError(name) from None

    def job(self, job_id: str) -> str:
        """The key of a job's hash."""
        return self.base + job_id

    def job_part(self, job_id: str, part: str) -> str:
        """A key that belongs to one job: `part` is a name of `JOB_KEYS`."""
        return self.base + job_id + JOB_KEYS[part]

    @property
    def pattern(self) -> str:
        """The SCAN pattern that finds every key of the queue."""
        return f"{_escaped(self.base)}*"

    def job_of_key(self, key: str) -> str | None:
        """The id of the job that a key of this queue belongs to; None for the queue's own keys, for
        those of schedulers, and for keys that nobody knows.
        """
        job_id, colon, part = key.removeprefix(self.base).partition(":")
        if not job_id or job_id in RESERVED_IDS:
            return None
        return job_id if not colon or colon + part in JOB_KEYS.values() else None

    @property
    def workers(self) -> str:
        """A private sorted set: the ids of our workers that serve the queue, by their last beat."""
        return f"{self.prefix}::bullrush:{self.queue}:workers"

    def worker(self, worker_id: str) -> str:
        """A private key: what a worker of ours says of itself."""
        return f"{self.prefix}::bullrush:{self.queue}:worker:{worker_id}"

    @property
    def measures(self) -> str:
        """A private hash: what our workers have counted of the queue's jobs."""
        return f"{self.prefix}::bullrush:{self.queue}:measures"

    @property
    def history(self) -> str:
        """A private hash: how many of the queue's jobs ended in which stretch of time."""
        return f"{self.prefix}::bullrush:{self.queue}:history"

    def wake(self, worker_id: str) -> str:
        """A private key by which a worker wakes itself, outside BullMQ's part of the key space."""
        return f"{self.prefix}::bullrush:{self.queue}:wake:{worker_id}"

    def turns(self, record: str) -> str:
        """A private hash: what many processes agree on, such as whose turn it is."""
        return f"{self.prefix}::bullrush:{self.queue}:turns:{record}"

    def of_tenant(self, tenant: str) -> list[str]:
        """A private set, its jobs that run, and a string, when the last that waits asks again."""
        return [f"{self.prefix}::bullrush::{kind}:{tenant}" for kind in ("tenants", "tenant-turns")]

    def shelf(self, name: str) -> str:
        """A private list: what was taken away and may come back."""
        return f"{self.prefix}::bullrush:{self.queue}:shelf:{name}"

    def client_name(self, worker: str = "") -> str:
        """The CLIENT SETNAME by which Node's getWorkers finds a worker (protocol 10.1)."""
        encoded = base64.b64encode(self.queue.encode()).decode()
        name = f"{self.prefix}:{encoded}"
        return f"{name}:w:{worker}" if worker else name

    def events_client_name(self) -> str:
        """The CLIENT SETNAME of a reader of the event stream (protocol 9.3)."""
        return f"{self.client_name()}:qe"


def check_queue_name(name: object) -> None:
    """Refuse what cannot be a queue name (protocol 1.1) before any key is built from it.

    Raises:
        InvalidQueueName: not text, empty, with ``:``, a line break, NUL or another control
            character.
    """
    if not isinstance(name, str):
        raise InvalidQueueName(f"a queue name is text, not {type(name).__name__}: {name!r}")
    if not name:
        raise InvalidQueueName("the queue name is empty; give the queue a name such as 'emails'")
    if ":" in name:
        raise InvalidQueueName(
            f"the queue name {name!r} contains ':', which separates the parts of a key; "
            f"use '-' or '.' instead, for example {name.replace(':', '-')!r}"
        )
    if not name.isprintable():
        raise InvalidQueueName(
            f"the queue name {name!r} contains a control character; leave it out"
        )


def check_job_id(job_id: str | None) -> str:
    """A custom id that is safe to store, or ``""`` for an automatic one (protocol 2.3).

    Raises:
        InvalidJobId: says why, and what to use instead.
    """
    if job_id is None or job_id == "":
        return ""
    if not isinstance(job_id, str):
        raise InvalidJobId(f"a job id is text, not {type(job_id).__name__}: {job_id!r}")
    if ":" in job_id:
        raise InvalidJobId(
            f"the job id {job_id!r} contains ':', which separates keys; use '-' instead"
        )
    if re.fullmatch(r"-?(0|[1-9][0-9]*)", job_id):
        raise InvalidJobId(
            f"the job id {job_id!r} is an integer, which BullMQ keeps for automatic ids; "
            f"use for example 'job-{job_id}'"
        )
    if job_id in RESERVED_IDS:
        raise InvalidJobId(
            f"the job id {job_id!r} is the name of a key of the queue; "
            f"use for example 'job-{job_id}'"
        )
    if len(job_id) > LONGEST_ID or not job_id.isprintable():
        raise InvalidJobId(
            f"the job id {job_id[:40]!r} is longer than {LONGEST_ID} characters "
            "or has control characters"
        )
    return job_id


def may_be_job(job_id: str) -> bool:
    """Whether a job may have that id. One that may not could name a key of another kind."""
    first, colon, _ = job_id.partition(":")
    if job_id in RESERVED_IDS or (colon and first in _OTHER_KINDS):
        return False
    return not job_id.endswith(tuple(JOB_KEYS.values()))


def split_job_key(key: str) -> tuple[str, str]:
    """(base of its queue, id) of a job's key, cut at the last colon as BullMQ does."""
    head, colon, job_id = key.rpartition(":")
    return head + colon, job_id


def split_base(base: str) -> tuple[str, str]:
    """(prefix, queue) of what the keys of a queue start with."""
    prefix, _, queue = base[:-1].rpartition(":")
    return prefix, queue


def discovery_pattern(prefix: str = DEFAULT_PREFIX) -> str:
    """The SCAN pattern that finds the meta key of every queue under a prefix."""
    return f"{_escaped(prefix)}:*:{QUEUE_KEYS['meta']}"


def key_pattern(prefix: str = DEFAULT_PREFIX, queue: str | None = None) -> str:
    """The SCAN pattern that finds every key under a prefix, ours among them, or of one queue."""
    return f"{_escaped(prefix)}:*" if queue is None else f"{_escaped(f'{prefix}:{queue}')}:*"


def split_key(key: str, prefix: str) -> tuple[str, str]:
    """(queue, rest) of a key under a prefix; the queue is empty for private keys."""
    queue, _, rest = key.removeprefix(f"{prefix}:").partition(":")
    return queue, rest


def _escaped(text: str) -> str:
    """Text as a part of a pattern that means just that text."""
    return "".join(f"\\{char}" if char in "*?[]\\" else char for char in text)


def queue_of_meta_key(key: str, prefix: str = DEFAULT_PREFIX) -> str | None:
    """The queue a key found by `discovery_pattern` belongs to, or None for a key of another
    shape.
    """
    head, tail = f"{prefix}:", f":{QUEUE_KEYS['meta']}"
    name = key[len(head) : -len(tail)]
    return name if name and ":" not in name else None


def celery_result_key(task_id: str, prefix: str = "") -> str:
    """Where Celery itself stores a result: what old workers left, and what is stored for an id that
    is no job.
    """
    return f"{_celery_prefix(prefix)}celery-task-meta-{task_id}"


def celery_group_key(group_id: str, prefix: str = "") -> str:
    """Where Celery stores the ids of a group that was saved."""
    return f"{_celery_prefix(prefix)}celery-taskset-meta-{group_id}"


def _celery_prefix(prefix: str) -> str:
    """What Celery makes of ``global_keyprefix``."""
    return prefix if not prefix or prefix.endswith(("_", ":", ".", "-")) else f"{prefix}_"


def deploys_key(prefix: str) -> str:
    """A private stream: when the application was deployed."""
    return f"{prefix}::bullrush:deploys"


def admin_key(prefix: str, *parts: str) -> str:
    """A private key of the admin API, of no queue: ``audit``, a stream of who did what; ``undos``,
    a sorted set of what can be undone, by the Unix ms until which it can; ``refusals``, how many
    were refused, by where they came from; ``access``, what is known of those who come.
    """
    return ":".join((f"{prefix}::bullrush", *parts))
