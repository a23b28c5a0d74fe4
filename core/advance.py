"""After a fetch: for each run of a job scheduler that was taken, make the next one (protocol part
2, section 2.6). There is no timer and no leader: who takes a run makes the next.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .calls import Batch, Call, Steps
from .checks import check_priority
from .encoding import encode_json
from .errors import BullrushError, InvalidOption
from .job import Job, id_bytes
from .keys import QUEUE_KEYS, QueueKeys
from .schedule import Schedule, stored_schedule
from .scripts import script

logger = logging.getLogger("bullrush.schedulers")

#: So many times in a row of a pattern may have jobs already.
MOST_STEPS = 32

_WORDS = {
    "missing": "it has no definition; it is not continued",
    "damaged": "its definition has no interval; it is not continued",
    "full": "the ids of its next times are taken; it is not continued",
    "legacy": "it is a repeatable job of BullMQ before 5.16 and continues as a job scheduler",
}


@dataclass(frozen=True)
class _Run:
    """A run that was taken, and what the next one needs."""

    job: Job
    scheduler: bytes
    schedule: Schedule
    options: dict[str, Any]
    slot: int | None


def advance(keys: QueueKeys, jobs: Sequence[Job], now: int) -> Steps[None]:
    """The calls that make the next runs; none when no job is a scheduler's. A schedule that cannot
    be continued is logged, since the jobs themselves are to be run.

    Args:
        keys: of the queue.
        jobs: what was fetched.
        now: Unix ms.

    Raises:
        BullrushError: Redis did not do it. Doing all of it again later is right: a run that is
            there already is not made twice.
    """
    runs = [run for job in jobs if (run := _read(job, now)) is not None]
    for _ in range(MOST_STEPS):
        if not runs:
            return
        replies = yield Batch([_call(keys, run, now) for run in runs], list)
        runs = _taken(runs, replies, now)
    for run in runs:
        logger.error("%s: the ids of its next times are taken", run.job.id)


def advance_or_log(keys: QueueKeys, jobs: Sequence[Job], now: int) -> Steps[None]:
    """As `advance`, for callers who will not be asked again: what Redis did not do is logged."""
    try:
        yield from advance(keys, jobs, now)
    except BullrushError as error:
        log_owed(jobs, error)


def log_owed(jobs: Sequence[Job], error: BullrushError) -> None:
    """Say which runs have no successor."""
    names = ", ".join(job.id for job in jobs)
    logger.error("cannot make the runs that follow %s: %s", names, error)


def _read(job: Job, now: int) -> _Run | None:
    """What the run after this job is, if there is to be one."""
    scheduler = job.raw("scheduler_id")
    if scheduler is None:
        return None
    try:
        options = json.loads(job.raw("opts") or b"{}")
        if not isinstance(options, dict):
            raise InvalidOption(f"the options are {options!r}")
        schedule, count = stored_schedule(options.get("repeat"))
        if schedule.is_over(count + 1, now):
            return None
        options = {"attempts": 0, **options, "repeat": {**options["repeat"], "count": count + 1}}
        slot = None
        if schedule.pattern is not None:
            previous = options.get("prevMillis")
            slot = schedule.next_time(now, previous if isinstance(previous, int) else 0)
            if slot is None:
                return None
        return _Run(job, scheduler, schedule, options, slot)
    except Exception as error:  # whatever another client has stored, the job is to be run
        logger.error("cannot make the run that follows %s: %s", job.id, error)
        return None


def _call(keys: QueueKeys, run: _Run, now: int) -> Call[str]:
    """Continue one schedule; the reply is the script's word."""
    every = run.schedule.every
    arguments = [
        run.scheduler,
        id_bytes(run.job.id),
        now,
        "" if every is None else every,
        "" if run.slot is None else run.slot,
        run.job.raw("name") or b"",
        run.job.raw("data") or b"{}",
        *run_options(run.options, run.scheduler, now),
    ]
    return script("advance_scheduler").call(keys.base, arguments, lambda reply: reply[1].decode())


def _taken(runs: Sequence[_Run], words: Sequence[str], now: int) -> list[_Run]:
    """The runs that need another time, with it. What is odd about the others is logged."""
    again = []
    for run, word in zip(runs, words, strict=True):
        if word == "taken" and run.slot is not None:
            slot = run.schedule.next_time(now, run.slot)
            if slot is not None:
                again.append(_Run(run.job, run.scheduler, run.schedule, run.options, slot))
        elif word:
            level = logging.WARNING if word == "legacy" else logging.ERROR
            scheduler = run.job.scheduler_id
            logger.log(level, "job scheduler %s: %s", scheduler, _WORDS.get(word, word))
    return again


def run_options(options: dict[str, Any], scheduler: bytes, now: int) -> list[Any]:
    """Five arguments of the scripts: the options of a run without what only the script knows, its
    id as JSON up to the slot, priority, lifo and deduplication id.

    Raises:
        UnserializableData: the options have no JSON form.
    """
    kept = {
        name: value
        for name, value in options.items()
        if name not in ("jobId", "delay", "prevMillis", "timestamp", "repeatJobKey")
    }
    name = scheduler.decode("utf-8", "replace")
    text = encode_json({**kept, "timestamp": now, "repeatJobKey": name}, "options")
    head = encode_json(f"{QUEUE_KEYS['repeat']}:{name}:")
    deduplication = options.get("de")
    identity = deduplication.get("id") if isinstance(deduplication, dict) else None
    return [
        text[:-1],
        head[:-1],
        _priority(options.get("priority")),
        "1" if options.get("lifo") is True else "",
        identity if isinstance(identity, str) else "",
    ]


def _priority(value: Any) -> int:
    """A priority that somebody stored; rubbish is none."""
    try:
        return check_priority(value)
    except InvalidOption:
        return 0
