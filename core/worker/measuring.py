"""The measuring service: counts how long jobs waited and ran, and adds it to what all workers of
the queue have counted.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import Any

from ..delivery import Finished
from ..drivers import Driver
from ..errors import BullrushError, ServerError
from ..job import due_since
from ..keys import QueueKeys, split_base
from ..measures import (
    KEPT_MS,
    MOST_NAMES,
    OTHER,
    Measures,
    QueueMeasures,
    fields_of,
    names_in,
    told_apart,
)
from ..outcome import Completed, Failed, Outcome, Retried
from .service import Service

logger = logging.getLogger("bullrush.worker")

#: s between two writes: that much a worker that is killed does not tell.
INTERVAL = 5.0


class MeasuringService(Service):
    """Adds up in the worker, which costs a job about a microsecond, and writes now and then.

    Args:
        driver, prefix: where the queues are.
    """

    def __init__(self, driver: Driver, prefix: str) -> None:
        super().__init__("measuring", INTERVAL)
        self._driver, self._prefix = driver, prefix
        self._guard = threading.Lock()
        #: What the keys of a queue start with -> what was counted since the last write.
        self._queues: dict[str, QueueMeasures] = {}
        #: Likewise: the names of jobs that are told apart, and what is not written yet.
        self._names: dict[str, set[str]] = {}
        self._owed: dict[str, Counter[str]] = {}

    def count(self, finished: Finished) -> None:
        """Count one delivery, if it was a run."""
        word = _word(finished.outcome)
        if word is None:
            return
        job = finished.delivery.job
        with self._guard:
            measures = self._of(job.base, job.name)
            measures.run.add(finished.seconds)
            measures.outcomes[word] += 1
            if job.attempts_started <= 1 and (started := job.processed_on):
                measures.wait.add(max(0, started - due_since(job)) / 1000)

    def count_stalled(self, queue: str, job_id: str) -> None:
        """Count one that was taken back."""
        base = QueueKeys(queue, self._prefix).base
        with self._guard:
            self._queues.setdefault(base, QueueMeasures()).stalled += 1

    def tick(self) -> None:
        """Write what was counted since."""
        with self._guard:
            counted, self._queues = self._queues, {}
        for base, measures in counted.items():
            self._owed.setdefault(base, Counter()).update(fields_of(measures))
        for base in list(self._owed):
            self._write(base)
            del self._owed[base]

    def stop(self, timeout: float = 5.0) -> None:
        """See `Service`."""
        super().stop(timeout)
        try:
            self.tick()
        except BullrushError as error:
            logger.warning("the last counts of this worker are lost: %s", error)

    def _of(self, base: str, name: str) -> Measures:
        queue = self._queues.get(base)
        if queue is None:
            queue = self._queues[base] = QueueMeasures()
        measures = queue.jobs.get(name)
        if measures is None:
            name = name if len(queue.jobs) < MOST_NAMES else OTHER
            measures = queue.jobs.setdefault(name, Measures())
        return measures

    def _write(self, base: str) -> None:
        prefix, queue = split_base(base)
        key = QueueKeys(queue, prefix).measures
        known = self._names.get(base)
        if known is None:
            known = self._names[base] = names_in(self._driver.execute(("HKEYS", key)))
        grown = told_apart(self._owed[base], known)
        commands: list[Any] = [("HINCRBY", key, field, number) for field, number in grown.items()]
        for reply in self._driver.execute_many([*commands, ("PEXPIRE", key, KEPT_MS)]):
            if isinstance(reply, ServerError):
                logger.warning("measuring: %s", reply)
                return


def _word(outcome: Outcome) -> str | None:
    if isinstance(outcome, Completed):
        return "completed"
    if isinstance(outcome, Retried):
        return "retried"
    return "failed" if isinstance(outcome, Failed) else None
