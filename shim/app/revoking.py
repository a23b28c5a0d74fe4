"""Revoked tasks: what an application writes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bullrush.core.calls import Batch, run
from bullrush.core.job import Job
from bullrush.core.outcome import Failed
from bullrush.core.private_keys import FleetKeys
from bullrush.core.revocations import Revocations

from ..canvas.following import fail_rest
from ..message import decode
from ..result.looking import job_ids_of
from ..revocation import EXPIRES, MOST, RECORD, as_list

if TYPE_CHECKING:
    from .base import Celery


class AppRevocations:
    """What an application has revoked, in Redis."""

    def __init__(self, app: Celery) -> None:
        self.app = app

    @property
    def stored(self) -> Revocations:
        """Those of the fleet."""
        app = self.app
        keys = FleetKeys(app.prefix, app.conf.control_exchange)
        return Revocations(app.driver, keys, MOST, int(EXPIRES * 1000))

    def revoke(self, ids: Sequence[str]) -> None:
        """Remember the ids, and fail every task of them that waits.

        Raises:
            InvalidJobId: an id that no task can have.
            ConnectionFailed: Redis did not answer.
        """
        jobs = [job for each in ids for job in job_ids_of(each)]
        if not jobs:
            return
        self.stored.add(ids=ids)
        queues = [self.app.queue(name) for name in self.app.known_queues()]
        places = [(queue, job) for queue in queues for job in jobs]
        calls = [queue.fail_waiting_call(job, "revoked", RECORD) for queue, job in places]
        failed = run(self.app.driver, Batch(calls, list))
        ended = [place for place, now in zip(places, failed, strict=True) if now]
        if ended:
            self.stored.leave([json.dumps([queue.name, job]) for queue, job in ended])
        for queue, job in ended:
            self._fail_rest(queue.get_job(job))

    def _fail_rest(self, job: Job | None) -> None:
        """What would have followed and is no job yet."""
        if job is None or b'"chain"' not in (job.raw("data") or b""):
            return
        headers = decode(job.raw("data"), job.data).headers
        fail_rest(self.app, headers, Failed("revoked", "", RECORD))

    def add_rule(self, headers: Mapping[str, Any]) -> None:
        """Remember that no task may run that has a stamp with one of these values.

        Raises:
            ConnectionFailed: Redis did not answer.
        """
        rules = [
            json.dumps({"header": name, "value": each}, sort_keys=True, default=repr)
            for name, values in headers.items()
            for each in as_list(values)
        ]
        self.stored.add(rules=rules)
