"""The first page: all queues."""

from __future__ import annotations

from flask import Response
from markupsafe import Markup

from ..access.guarding import needs
from ..access.roles import Role
from .board import current_board
from .history import WINDOWS
from .overview import ORDERS, rows
from .page import asked, page, root
from .rendering import render, row_id


@needs(Role.READ)
def overview() -> Response:
    """All queues on one page."""
    board = current_board()
    reading = board.collector.current()
    parts = dict(board.parts(reading, root()))
    order, find, span = asked("sort", ORDERS[0]), asked("find"), asked("span", "1h")
    if span in WINDOWS and span != "1h":
        series = board.collector.series(WINDOWS[span])
        parts["chart"] = render(
            "parts/chart.html", root(), reading=reading, span=span, series=series
        )
    shown = [row_id(row.queue.name) for row in rows(reading, order, find)]
    return page(
        "overview.html",
        "Queues",
        reading=reading,
        parts={name: Markup(html) for name, html in parts.items()},
        shown=shown,
        order=order if order in ORDERS else ORDERS[0],
        find=find,
        span=span,
        position=f"{board.epoch}-{reading.version}",
    )
