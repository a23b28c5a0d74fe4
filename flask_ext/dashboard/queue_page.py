"""One queue: its jobs by state."""

from __future__ import annotations

from flask import Response

from bullrush.core import Queue
from bullrush.core.calls import Call, run
from bullrush.core.errors import InvalidQueueName
from bullrush.core.snapshot import QueueSnapshot, take

from ..access.guarding import needs
from ..access.roles import Role
from ..binding import current_binding
from .board import current_board
from .history import Series
from .looking import TABS, is_job_id, list_jobs
from .overview import Row, badges, level_of
from .page import asked, missing, page


@needs(Role.READ)
def queue() -> Response:
    """The jobs of one queue in one state."""
    found = find_queue(asked("name"))
    if found is None:
        return missing(f"There is no queue {asked('name')!r}")
    snapshot = snapshot_of(found)
    tab = asked("state") if asked("state") in TABS else first_tab(snapshot)
    find = asked("find").strip()
    exact = found.view(find) if is_job_id(find) else None
    total = snapshot.counts[TABS[tab][1]]
    listing = list_jobs(found, tab, _page_number(), find, total)
    return page(
        "queue.html",
        found.name,
        queue=snapshot,
        row=Row(snapshot, _series(snapshot), level_of(snapshot), badges(snapshot)),
        tabs=TABS,
        tab=tab,
        find=find,
        exact=exact if exact is not None and exact.job is not None else None,
        listing=listing,
    )


def find_queue(name: str) -> Queue | None:
    """The queue of that name; None when nobody has ever used it and the application does not name
    it, or no queue can have it.
    """
    binding = current_binding()
    try:
        queue = binding.look_at(name)
    except InvalidQueueName:
        return None
    named = binding.settings.queue_aliases.values()
    known = name in named or run(queue.driver, Call(("EXISTS", queue.keys.meta), bool))
    return queue if known else None


def snapshot_of(queue: Queue) -> QueueSnapshot:
    """How a queue stands: as the collector saw it last, if that is not long ago."""
    known = current_board().collector.recent()
    for each in known:
        if each.name == queue.name:
            return each
    return take(queue.driver, queue.keys.prefix, [queue.name])[0]


def first_tab(queue: QueueSnapshot) -> str:
    """The tab that most likely is what somebody came for."""
    order = ("failed", "active", "waiting", "prioritized", "delayed", "waiting-children")
    return next((tab for tab in order if queue.counts[TABS[tab][1]]), "completed")


def _series(queue: QueueSnapshot) -> Series:
    board = current_board()
    return board.collector.hour_of(queue)


def _page_number() -> int:
    text = asked("page", "1")
    return (
        min(max(1, int(text)), 100_000)
        if text.isascii() and text.isdigit() and len(text) < 7
        else 1
    )
