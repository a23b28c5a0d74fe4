"""What must hold of the data at rest, whoever wrote it (the lists at the end of both parts of the
protocol, as far as keys can tell).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bullrush.core.job import SHORT_OPTIONS
from bullrush.core.keys import JOB_KEYS, QUEUE_KEYS

from .snapshot import Entry, Snapshot

LISTS = ("wait", "paused", "active")
SETS = ("prioritized", "delayed", "completed", "failed", "waiting-children")
#: The last event that tells of a move -> the places it leads to.
_LEADS_TO = {
    "waiting": ("wait", "prioritized", "paused"),
    "active": ("active",),
    "delayed": ("delayed",),
    "completed": ("completed",),
    "failed": ("failed",),
    # To wait without an event when its last child was swept away.
    "waiting-children": ("waiting-children", "wait"),
    "removed": (),
}


def violations(left: Snapshot) -> list[str]:
    """Every broken invariant, as a sentence that names the key."""
    names = sorted({key.split(":", 1)[0] for key in left})
    found: list[str] = []
    for name in names:
        view = _Queue(name, left)
        for check in _CHECKS:
            found += [f"{name}: {sentence}" for sentence in check(view)]
    return found


@dataclass(frozen=True)
class _Queue:
    """One queue of a snapshot."""

    name: str
    left: Snapshot

    @cached_property
    def keys(self) -> Mapping[str, Entry]:
        """The queue's keys without its name."""
        head = f"{self.name}:"
        return {
            key.removeprefix(head): entry
            for key, entry in self.left.items()
            if key.startswith(head)
        }

    @cached_property
    def jobs(self) -> Mapping[str, Mapping[str, Any]]:
        """Id -> hash. No other hash has both fields."""
        return {
            key: entry.value
            for key, entry in self.keys.items()
            if entry.kind == "hash" and {"timestamp", "opts"} <= entry.value.keys()
        }

    @cached_property
    def places(self) -> Mapping[str, list[str]]:
        """Id -> every place that holds it, as often as it does."""
        found: dict[str, list[str]] = {}
        for place in (*LISTS, *SETS):
            for job in self.members(place):
                found.setdefault(job, []).append(place)
        return found

    def members(self, place: str) -> list[str]:
        """The ids in a place."""
        return list(self.value(place) or ())

    def value(self, key: str) -> Any:
        """The value of a key, or None."""
        entry = self.keys.get(key)
        return None if entry is None else entry.value

    def in_place(self, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The jobs in a place."""
        return ((job, self.jobs[job]) for job in self.members(place) if job in self.jobs)

    @property
    def is_held(self) -> bool:
        """Whether nobody may fetch."""
        meta = self.value("meta") or {}
        most = meta.get("concurrency")
        return "paused" in meta or (most is not None and len(self.members("active")) >= int(most))


def one_state(queue: _Queue) -> Iterator[str]:
    """Every job is in exactly one place, and every place holds jobs only."""
    for job, places in queue.places.items():
        if len(places) > 1:
            yield f"job {job} is in {', '.join(places)}"
        if job not in queue.jobs:
            yield f"id {job} in {places[0]} has no job"
    for job in queue.jobs:
        if job not in queue.places:
            yield f"job {job} is in no state"


def locks(queue: _Queue) -> Iterator[str]:
    """Only active jobs are locked."""
    active = queue.members("active")
    for key in queue.keys:
        if key.endswith(JOB_KEYS["lock"]) and key.removesuffix(JOB_KEYS["lock"]) not in active:
            yield f"{key} locks a job that is not active"


def fields_by_state(queue: _Queue) -> Iterator[str]:
    """The fields of a job fit its state."""
    for job, stored in queue.in_place("active"):
        if "processedOn" not in stored or int(stored.get("ats", 0)) < 1:
            yield f"active job {job} was never started"
    for place, result in (("completed", "returnvalue"), ("failed", "failedReason")):
        for job, stored in queue.in_place(place):
            score = queue.value(place)[job]
            if float(stored.get("finishedOn", -1)) != score:
                yield f"{place} job {job} has finishedOn {stored.get('finishedOn')}, score {score}"
            if result not in stored:
                yield f"{place} job {job} has no {result}"
            if str(stored.get(result)).startswith("no JSON"):
                yield f"{place} job {job} has a {result} that is {stored[result]}"
            if "defa" in stored and place == "failed":
                yield f"failed job {job} still has its deferred failure"
    for job, places in queue.places.items():
        if places[0] not in ("completed", "failed") and "finishedOn" in queue.jobs.get(job, {}):
            yield f"job {job} in {places[0]} has finishedOn"


def scores(queue: _Queue) -> Iterator[str]:
    """Scores say what the hash says."""
    for job, stored in queue.in_place("prioritized"):
        priority = int(queue.value("prioritized")[job] // 2**32)
        if priority < 1 or priority != int(stored.get("priority", 0)):
            yield f"job {job} of priority {stored.get('priority')} is scored as {priority}"
    for job, _ in queue.in_place("delayed"):
        score = queue.value("delayed")[job]
        if score != int(score) or score < 4096:
            yield f"job {job} is due at the score {score}"


def options(queue: _Queue) -> Iterator[str]:
    """Both sides can decode the options: an object, with short names where there are any."""
    for job, stored in queue.jobs.items():
        opts = stored["opts"]
        if not isinstance(opts, dict) or not isinstance(opts.get("attempts", 0), int):
            yield f"the options of job {job} are {opts!r}"
        elif long := opts.keys() & SHORT_OPTIONS.keys():
            yield f"the options of job {job} have long names: {', '.join(sorted(long))}"
        if not isinstance(stored.get("stacktrace", []), list):
            yield f"the stacktrace of job {job} is {stored['stacktrace']!r}"


def counter(queue: _Queue) -> Iterator[str]:
    """No automatic id is beyond the counter."""
    numbers = [int(job) for job in queue.jobs if re.fullmatch(r"[1-9][0-9]*", job)]
    last = int(queue.value("id") or 0)
    if numbers and max(numbers) > last:
        yield f"job {max(numbers)} is beyond the counter {last}"


def dependencies(queue: _Queue) -> Iterator[str]:
    """What a parent waits for exists, names it as its parent and has not come to an end."""
    for job in queue.jobs:
        pending = queue.value(f"{job}:dependencies") or []
        processed = queue.value(f"{job}:processed") or {}
        for child in pending:
            entry = queue.left.get(child.removeprefix("bull:"))
            if entry is None:
                yield f"job {job} waits for {child}, which is gone"
            elif entry.value.get("parentKey") != f"bull:{queue.name}:{job}":
                yield f"job {job} waits for {child}, whose parent is {entry.value.get('parentKey')}"
            if child in processed:
                yield f"job {job} waits for {child}, which is processed"
        if queue.places.get(job) == ["waiting-children"] and not pending:
            yield f"job {job} waits for no child"


def deduplication(queue: _Queue) -> Iterator[str]:
    """A deduplication id that has no end is owned by a job that is to run."""
    for key, entry in queue.keys.items():
        if not key.startswith("de:") or entry.ttl is not None:
            continue
        places = queue.places.get(entry.value, ["no place"])
        if places[0] in ("completed", "failed", "no place"):
            yield f"{key} is owned by {entry.value} in {places[0]}"


def marker(queue: _Queue) -> Iterator[str]:
    """Whoever sleeps is woken: there is a marker when there is something to fetch."""
    members = queue.value("marker") or {}
    for member in members.keys() - {"0", "1"}:
        yield f"the marker has the member {member}"
    if queue.is_held:
        return
    ready = queue.members("wait") + queue.members("prioritized")
    if ready and "0" not in members:
        yield f"nobody is woken for {ready[0]}"
    if queue.members("delayed") and not members:
        yield f"nobody is woken for the delayed {queue.members('delayed')[0]}"


def known_keys(queue: _Queue) -> Iterator[str]:
    """No key of another kind, and no part of a job that is gone."""
    structures = {suffix for suffix in QUEUE_KEYS.values() if not suffix.endswith(":")}
    for key in queue.keys:
        if key in structures or key in queue.jobs or key.startswith(("de:", "dn:", "repeat:")):
            continue
        job, _, part = key.rpartition(":")
        if f":{part}" not in JOB_KEYS.values():
            yield f"key {key} is of no known kind"
        elif job not in queue.jobs:
            yield f"key {key} belongs to no job"


def schedulers(queue: _Queue) -> Iterator[str]:
    """A scheduler has a record and at most one run that was not begun."""
    armed: Counter[str] = Counter()
    for place in ("wait", "prioritized", "delayed", "paused"):
        for _, stored in queue.in_place(place):
            if "rjk" in stored and "ats" not in stored:
                armed[stored["rjk"]] += 1
    for scheduler in queue.value("repeat") or {}:
        record = queue.value(f"repeat:{scheduler}")
        if record is None or "ic" not in record:
            yield f"scheduler {scheduler} has no record"
        if armed[scheduler] > 1:
            yield f"scheduler {scheduler} has {armed[scheduler]} runs ahead"


def events(queue: _Queue) -> Iterator[str]:
    """The last move that the stream tells of a job led to where it is."""
    last: dict[str, str] = {}
    for event in queue.value("events") or []:
        job = event.get("jobId")
        if job is None:
            continue
        if event["event"] in _LEADS_TO:
            if job not in last:
                yield f"the stream begins job {job} with {event['event']}"
            last[job] = event["event"]
        elif event["event"] == "added":
            last[job] = "added"
        for name in ("returnvalue", "data"):
            if str(event.get(name)).startswith("no JSON"):
                yield f"an event {event['event']} of job {job} is {event[name]}"
    for job, event in last.items():
        if job not in queue.places:
            continue  # Drained, cleaned or purged: nothing tells of that.
        place = queue.places[job][0]
        if place not in _LEADS_TO.get(event, ()):
            yield f"job {job} is in {place}, and its last event is {event}"


_CHECKS = (
    one_state,
    locks,
    fields_by_state,
    scores,
    options,
    counter,
    dependencies,
    deduplication,
    marker,
    known_keys,
    schedulers,
    events,
)
