"""What a worker says of every job. Never its data."""

from __future__ import annotations

import logging

from ..delivery import Finished
from ..outcome import Completed, Failed, Moved, Postponed, RateLimited, Retried

logger = logging.getLogger("bullrush.worker")


def log_outcome(finished: Finished, *, quiet: bool = False) -> None:
    """One line for a delivery whose outcome is stored.

    Args:
        quiet: say only what the handler does not know, since it speaks for itself: a failure
            without a record of its exception is the worker's own word.
    """
    job, outcome = finished.delivery.job, finished.outcome
    if quiet and not (isinstance(outcome, Failed) and outcome.exception is None):
        return
    if isinstance(outcome, Completed) and not logger.isEnabledFor(logging.INFO):
        return
    what = f"job {job.id} ({job.name}) of {job.queue_name}"
    attempt = job.attempts_made + 1
    if isinstance(outcome, Completed):
        logger.info("completed: %s in %.3f s", what, finished.seconds)
    elif isinstance(outcome, Failed):
        logger.error("failed: %s in attempt %d: %s", what, attempt, outcome.reason)
    elif isinstance(outcome, Retried):
        logger.warning(
            "failed: %s in attempt %d, runs again in %d ms: %s",
            what,
            attempt,
            outcome.delay,
            outcome.reason,
        )
    elif isinstance(outcome, Postponed):
        logger.info("postponed: %s by %d ms", what, outcome.delay)
    elif isinstance(outcome, Moved):
        logger.info("moved: %s by its handler", what)
    elif isinstance(outcome, RateLimited):
        logger.info("rate limited: %s", what)
    else:
        logger.info("returned: %s", what)
