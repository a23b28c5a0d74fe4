"""The measuring service: counts how long jobs waited and ran, and adds it to what all workers of
the queue have counted.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import Any

from .. import history
from ..clock import now_ms
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
    """Adds up in the worker, which costs a job one to three microseconds, and writes now and then.

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
        #: Likewise: the stretches of time in which jobs ended, and when old ones were removed last.
        self._ended: dict[str, Counter[str]] = {}
        self._cleared: dict[str, int] = {}

    def count(self, finished: Finished) -> None:
        """Count one delivery, if it was a run."""
        word = _WORDS.get(type(finished.outcome))
        if word is None:
            return
        job = finished.delivery.job
        started = job.processed_on if job.raw("attempts_started") in _FIRST else None
        waited = None if started is None else max(0, started - due_since(job)) / 1000
        with self._guard:
            queue = self._queues.get(job.base)
            measures = queue and queue.jobs.get(job.name)
            if not measures:
                measures = self._new(job.base, job.name)
            measures.run.add(finished.seconds)
            measures.outcomes[word] += 1
            if waited is not None:
                measures.wait.add(waited)

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
            ended = history.grown(_outcomes(measures), now_ms())
            self._ended.setdefault(base, Counter()).update(ended)
        for base in list(self._owed):
            self._write(base)
            del self._owed[base], self._ended[base]

    def stop(self, timeout: float = 5.0) -> None:
        """See `Service`."""
        super().stop(timeout)
        try:
            self.tick()
        except BullrushError as error:
            logger.warning("the last counts of this worker are lost: %s", error)

    def _new(self, base: str, name: str) -> Measures:
        queue = self._queues.setdefault(base, QueueMeasures())
        name = name if len(queue.jobs) < MOST_NAMES else OTHER
        return queue.jobs.setdefault(name, Measures())

    def _write(self, base: str) -> None:
        prefix, queue = split_base(base)
        keys = QueueKeys(queue, prefix)
        key = keys.measures
        known = self._names.get(base)
        if known is None:
            known = self._names[base] = names_in(self._driver.execute(("HKEYS", key)))
        grown = told_apart(self._owed[base], known)
        commands: list[Any] = [("HINCRBY", key, field, number) for field, number in grown.items()]
        commands += [("PEXPIRE", key, KEPT_MS), *self._history(base, keys.history)]
        for reply in self._driver.execute_many(commands):
            if isinstance(reply, ServerError):
                logger.warning("measuring: %s", reply)
                return

    def _history(self, base: str, key: str) -> list[Any]:
        """What is to be written of stretches of time; those too old go when a new one begins."""
        ended = self._ended[base]
        if not ended:
            return []
        now = now_ms()
        commands: list[Any] = [("HINCRBY", key, field, more) for field, more in ended.items()]
        newest = history.DAY.newest(now)
        if self._cleared.get(base) != newest:
            old = history.outdated(self._driver.execute(("HKEYS", key)), now)
            self._cleared[base] = newest
            commands += [("HDEL", key, *old)] if old else []
        return [*commands, ("PEXPIRE", key, history.KEPT_MS)]


def _outcomes(measures: QueueMeasures) -> Counter[str]:
    """What came of all runs."""
    return sum((each.outcomes for each in measures.jobs.values()), Counter())


#: Outcome of a run -> what it is called. Anything else is no run.
_WORDS: dict[type[Outcome], str] = {Completed: "completed", Failed: "failed", Retried: "retried"}
#: How often a job was started that runs for the first time, as it is stored.
_FIRST = (b"1", None)
