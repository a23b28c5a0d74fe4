"""What runs again and again, and when next."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response

from bullrush.core import Queue
from bullrush.core.calls import Batch, run
from bullrush.core.clock import now_ms
from bullrush.core.operations.schedulers import JobScheduler

from ..access.guarding import needs
from ..access.roles import Role
from ..binding import current_binding
from ..upcoming import next_runs
from .board import current_board
from .looking import redaction
from .page import page
from .schedule_words import in_words

#: Schedulers of one queue that are shown, the next due first.
MOST = 200


@dataclass(frozen=True)
class Shown:
    """A job scheduler and when it runs."""

    queue: str
    scheduler: JobScheduler
    words: str
    runs: list[int]
    data: object


@needs(Role.READ)
def schedulers() -> Response:
    """The job schedulers of all queues, the next due first."""
    binding, now = current_binding(), now_ms()
    queues = [binding.look_at(each.name) for each in current_board().collector.current().queues]
    found = [
        Shown(
            queue.name,
            each,
            in_words(each),
            next_runs(each, now),
            redaction()(each.data) if binding.settings.show_job_data else None,
        )
        for queue in _with_schedulers(queues)
        for each in queue.get_job_schedulers(0, MOST - 1, ascending=True)
    ]
    found.sort(key=lambda each: (each.scheduler.next, each.queue, each.scheduler.id))
    return page("schedulers.html", "Schedulers", schedulers=found, now=now)


def _with_schedulers(queues: list[Queue]) -> list[Queue]:
    count = Queue.get_job_schedulers_count.build
    if not queues:
        return []
    counts = run(queues[0].driver, Batch([count(queue) for queue in queues], list))
    return [queue for queue, number in zip(queues, counts, strict=True) if number]
