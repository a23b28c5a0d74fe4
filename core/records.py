"""The form of an outcome that the script `commit_and_fetch` takes: eleven arguments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from .calls import Argument
from .checks import check_milliseconds
from .encoding import encode_json
from .errors import UnserializableData
from .job import FIELDS, Job, id_bytes
from .options import Keep
from .outcome import (
    Completed,
    Failed,
    Moved,
    Outcome,
    Postponed,
    RateLimited,
    RawJson,
    Retried,
    Returned,
    storable,
)

#: Eleven arguments; none at all for an outcome that has nothing to commit.
Record: TypeAlias = tuple[Argument, ...]


@dataclass(frozen=True)
class Retention:
    """What to keep of finished jobs that do not say themselves."""

    completed: Keep | None = None
    failed: Keep | None = None


#: Options up to so many bytes are remembered.
_SHORT = 512
#: Keep everything.
KEEP_ALL = Retention()


def record_of(job: Job, token: str, outcome: Outcome, retention: Retention) -> Record:
    """The record of an outcome.

    Args:
        job: the job as it was fetched; its own options count (protocol 2.2).
        token: the value of its lock.

    Raises:
        UnserializableData: the returned value has no JSON form.
        InvalidOption: a time that is no whole number of ms.
    """
    if isinstance(outcome, Moved):
        return ()
    kind, (value, stack, exception, data, *numbers) = _parts(job, outcome, retention)
    return (kind, id_bytes(job.id), token, value, stack, exception, data, *numbers)


def _parts(job: Job, outcome: Outcome, retention: Retention) -> tuple[str, tuple[Any, ...]]:
    """The kind, and what follows the token."""
    if isinstance(outcome, Completed):
        keep = _keep(job, "removeOnComplete", retention.completed)
        return "completed", (_encoded(outcome.value), "", outcome.note, "", *keep, "")
    if isinstance(outcome, Failed):
        keep = _keep(job, "removeOnFail", retention.failed)
        return "failed", (*_failure(job, outcome), "", *keep, job.attempts)
    if isinstance(outcome, Retried):
        lifo = "1" if job.opts.get("lifo") is True else ""
        timing = (check_milliseconds(outcome.delay, "delay"), lifo, "", "")
        return "retried", (*_failure(job, outcome), _text(outcome.data), *timing)
    if isinstance(outcome, Postponed):
        delay = check_milliseconds(outcome.delay, "delay")
        return "postponed", _moving(outcome.data, delay, "" if outcome.started else "1")
    if isinstance(outcome, RateLimited):
        return "limited", _moving(outcome.data, check_milliseconds(outcome.ms, "ms"))
    if isinstance(outcome, Returned):
        return "returned", _moving(outcome.data, flag="" if outcome.started else "1")
    return "lost", _moving(None)


def _moving(data: RawJson | None, ms: int | str = "", flag: str = "") -> tuple[Any, ...]:
    """What follows the token of an outcome that is no end."""
    return ("", "", "", _text(data), ms, flag, "", "")


def _failure(job: Job, outcome: Failed | Retried) -> tuple[str, str, str]:
    return storable(outcome.reason), stacktrace_of(job, outcome.stack), outcome.exception or ""


def _keep(job: Job, option: str, default: Keep | None) -> tuple[str, str, str]:
    options = job.raw("opts") or b""
    own = _own_keep(options, option) if len(options) <= _SHORT else job.option(option)
    return _keep_arguments(default if own is None else own)


@lru_cache(maxsize=1024)
def _own_keep(options: bytes, option: str) -> Any:
    """What stored options say. Jobs of one kind have the same ones, which need not be decoded for
    each of them.
    """
    return Job("", "", {FIELDS["opts"].encode(): options}).option(option)


def _keep_arguments(stored: Any) -> tuple[str, str, str]:
    """(count, age in s, limit) as script arguments; an empty text means: no bound (protocol 5.3).

    Args:
        stored: `removeOnComplete` or `removeOnFail` as it stands in a job's options, or `Keep`.
    """
    if stored is None or stored is False:
        return ("", "", "")
    if stored is True:
        return ("0", "", "")
    if isinstance(stored, Keep):
        stored = asdict(stored)
    if isinstance(stored, Mapping):
        count, age, limit = (_count(stored.get(name)) for name in ("count", "age", "limit"))
        return (count, age, limit)
    return (_count(stored), "", "")


def _count(value: Any) -> str:
    """Other libraries may have stored a fraction, a negative number or rubbish: then there is no
    bound.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        return ""
    return str(int(min(value, 2**53)))


def _encoded(value: Any) -> str:
    if isinstance(value, RawJson):
        return value.text
    if value is None:
        return "null"
    try:
        return encode_json(value, "the returned value")
    except UnserializableData as error:
        raise UnserializableData(
            f"{error}; the work was done, but its result cannot be stored"
        ) from None


def _text(data: RawJson | None) -> str:
    return data.text if data is not None else ""


def stacktrace_of(job: Job, stack: str) -> str:
    """The stacktrace of a job with one more row, as JSON text."""
    rows = [*job.stacktrace, *([stack] if stack else [])]
    limit = job.opts.get("stackTraceLimit")
    if isinstance(limit, int) and not isinstance(limit, bool) and limit >= 0:
        rows = rows[-limit:] if limit else []
    return json.dumps([storable(row) for row in rows], ensure_ascii=False)
