"""How long a failed job waits before its next attempt. Pure (protocol 6.1)."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .job import Job

#: Called with (attempt, type, error, job); gives ms, 0 for at once, a negative number to fail
#: without retry.
BackoffStrategy: TypeAlias = Callable[[int, str, BaseException, Job], int]

#: Beyond this (about 285 years) a delay is a mistake, and the score of the delayed set could not
#: hold it.
LONGEST_DELAY_MS = 2**43

logger = logging.getLogger(__name__)


def backoff_delay(
    backoff: Any,
    attempt: int,
    error: BaseException,
    job: Job,
    *,
    strategies: Mapping[str, BackoffStrategy] | None = None,
    rand: Callable[[], float] = random.random,
) -> int:
    """Milliseconds until the next attempt; negative means: fail now.

    Args:
        backoff: the stored option: None, a number of ms, or ``{"type", "delay", "jitter"}``.
        attempt: the number of the attempt that just failed, from 1.
        strategies: custom strategies by type name. A type nobody knows waits `delay` as ``fixed``
            does and is
            logged: Node leaves such a job to the stalled check, which loses the reason of the
                failure.
    """
    if isinstance(backoff, (int, float)) and not isinstance(backoff, bool):
        backoff = {"type": "fixed", "delay": backoff}
    if not isinstance(backoff, dict):
        return 0
    kind = str(backoff.get("type", "fixed"))
    if strategies and kind in strategies:
        return _bounded(strategies[kind](attempt, kind, error, job), least=-1)
    delay = _quantity(backoff.get("delay"))
    if kind == "exponential":
        delay = _doubled(delay, attempt)
    elif kind != "fixed":
        logger.warning("job %s: unknown backoff type %r, waiting its plain delay", job.id, kind)
    return _jittered(delay, _quantity(backoff.get("jitter")), rand)


def _doubled(delay: float, attempt: int) -> float:
    if delay <= 0:
        return 0
    # 2**63 ms is beyond every bound, and larger powers do not fit a float.
    return float(min(2 ** min(attempt - 1, 63) * delay, LONGEST_DELAY_MS) + 0.5) // 1


def _jittered(delay: float, jitter: float, rand: Callable[[], float]) -> int:
    if 0 < jitter <= 1:
        delay = math.floor(rand() * delay * jitter + delay * (1 - jitter))
    return _bounded(delay, least=0)


def _quantity(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0.0
    try:
        number = float(value)
    except OverflowError:
        return 0.0
    return number if math.isfinite(number) else 0.0


def _bounded(value: float, *, least: int) -> int:
    return max(least, min(int(value), LONGEST_DELAY_MS))
