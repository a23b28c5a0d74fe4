"""What came of a delivery, as a small frozen value, and the pure decision after an exception
(protocol 6.1).
"""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from .backoff import BackoffStrategy, backoff_delay
from .errors import FailedChildren, UnrecoverableError
from .job import Job


@dataclass(frozen=True)
class RawJson:
    """Text that is JSON already. A handler returns it to have its value stored as it stands."""

    text: str


@dataclass(frozen=True)
class Completed:
    """The handler returned `value` (any JSON value, or `RawJson`).

    Args:
        note: text for the private exception field, which is free when there was none.
    """

    value: Any = None
    note: str = ""


@dataclass(frozen=True)
class Failed:
    """The job failed for good.

    Args:
        reason: the text other processes see as failedReason.
        stack: one stack text, added to the job's stacktrace; empty for none.
        exception: text for the private exception field; core does not read it.
    """

    reason: str
    stack: str = ""
    exception: str | None = None


@dataclass(frozen=True)
class Retried:
    """The attempt failed and the job runs again after `delay` ms (0: at once).

    Args:
        data: the new payload, or None to keep the stored one.
    """

    delay: int
    reason: str
    stack: str = ""
    data: RawJson | None = None
    exception: str | None = None


@dataclass(frozen=True)
class Postponed:
    """The job is to run again after `delay` ms; no attempt is counted.

    Args:
        data: the new payload, or None to keep the stored one.
        started: False when no handler has seen it; then the start is not counted either.
    """

    delay: int
    data: RawJson | None = None
    started: bool = True


@dataclass(frozen=True)
class Returned:
    """The job is next in line again, no attempt counted.

    Args:
        data: the new payload, or None to keep the stored one.
        started: False when no handler has seen it; then the start is not counted either.
    """

    data: RawJson | None = None
    started: bool = True


@dataclass(frozen=True)
class RateLimited:
    """Something the job needs is exhausted: it is next in line again, no attempt counted, and the
    worker takes no more jobs of its queue for that time (protocol 6.5).

    Args:
        ms: for how long; 0 for as long as a limit that was set before still lasts.
    """

    ms: int = 0
    data: RawJson | None = None


@dataclass(frozen=True)
class Lost:
    """The process that ran the job died: it is next in line again, and a stall is counted.

    Args:
        reason: how the process ended.
    """

    reason: str


@dataclass(frozen=True)
class Moved:
    """The handler moved the job itself (`Delivery.move_to_delayed` and the like): there is nothing
    to commit.
    """


Outcome: TypeAlias = (
    Completed | Failed | Retried | Postponed | Returned | RateLimited | Lost | Moved
)
OUTCOME_TYPES = (Completed, Failed, Retried, Postponed, Returned, RateLimited, Lost, Moved)


#: No further attempt can change these.
FINAL_ERRORS = (UnrecoverableError, FailedChildren)


def storable(text: str) -> str:
    """The text without halves of surrogate pairs, which UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode()


def stack_of(error: BaseException) -> str:
    """The traceback of an exception as one text."""
    return storable("".join(traceback.format_exception(type(error), error, error.__traceback__)))


def reason_of(error: BaseException) -> str:
    """What an exception says of itself; its class when it says nothing."""
    try:
        return storable(str(error)) or type(error).__name__
    except Exception:
        return type(error).__name__


def decide(
    job: Job,
    error: BaseException,
    *,
    strategies: Mapping[str, BackoffStrategy] | None = None,
    max_started_attempts: int | None = None,
    rand: Callable[[], float] = random.random,
) -> Failed | Retried:
    """Retry or fail after an exception, by the job's own options (protocol 6.1).

    Args:
        job: the job as it was fetched.
        error: what the handler raised.
        strategies: custom backoff strategies by type name.
        max_started_attempts: a job that was started that often is not tried again.
        rand: source of randomness in [0, 1) for jitter.
    """
    reason, stack = reason_of(error), stack_of(error)
    attempt = job.attempts_made + 1
    if isinstance(error, FINAL_ERRORS) or attempt >= job.attempts:
        return Failed(reason, stack)
    if max_started_attempts is not None and job.attempts_started >= max_started_attempts:
        return Failed(reason, stack)
    delay = backoff_delay(
        job.opts.get("backoff"), attempt, error, job, strategies=strategies, rand=rand
    )
    if delay < 0:
        return Failed(reason, stack)
    return Retried(delay, reason, stack)
