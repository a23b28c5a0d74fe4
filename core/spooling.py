"""Adding jobs that have waited in a spool: each once, however often the spool is replayed."""

from __future__ import annotations

from collections.abc import Sequence

from .calls import Call, Steps
from .job import id_bytes
from .keys import QueueKeys
from .new_job import NewJob
from .scripts import script

#: So many events are read in one round trip.
_EVENTS = 1000


def add_spooled(
    keys: QueueKeys, jobs: Sequence[tuple[int, NewJob]], spool_id: str, *, keep: int
) -> Call[int]:
    """The call that adds jobs of a spool; how many are new.

    Args:
        keys: of their queue.
        jobs: with their numbers in the spool, which grow.
        keep: ms for which Redis remembers how far the spool has been replayed.
    """
    arguments: list[str | int] = [keep]
    for number, job in jobs:
        arguments += (number, *job.arguments())
    mark = keys.turns(f"spool:{spool_id}")
    return script("add_spooled").call_on([keys.base, mark], arguments, int)


def was_added(keys: QueueKeys, job_id: str, since: int) -> Steps[bool]:
    """Whether a job is there, or was: the events tell of one that has been taken away, as far back
    as they are kept.

    Args:
        since: Unix ms; it was not added before.
    """
    if (yield Call(("EXISTS", keys.job(job_id)), int)):
        return True
    first, wanted = str(max(0, since)), id_bytes(job_id)
    while True:
        rows = yield Call(("XRANGE", keys.events, first, "+", "COUNT", _EVENTS), list)
        for _, fields in rows:
            told = dict(zip(fields[::2], fields[1::2], strict=True))
            if told.get(b"jobId") == wanted and told.get(b"event") == b"added":
                return True
        if len(rows) < _EVENTS:
            return False
        first = f"({rows[-1][0].decode()}"
