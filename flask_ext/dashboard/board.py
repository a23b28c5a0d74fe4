"""What the dashboard holds for one application."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Mapping

from flask import Flask, current_app
from markupsafe import Markup

from ..binding import binding_of
from .collector import Collector, Reading
from .overview import ORDERS, banners, numbers, rows
from .rendering import render, row_id

#: Where a `Board` is in ``app.extensions``.
KEY = "bullrush_dashboard"
#: Readings whose parts are kept, so that a reader that comes back gets only what has changed.
KEPT = 30


class Board:
    """One collector, and what its readings look like; rendered once, however many look.

    Args:
        app: the application.
        streams: how many live streams there may be at once.
    """

    def __init__(self, app: Flask, streams: int) -> None:
        binding = binding_of(app)
        settings = binding.settings
        self.collector = Collector(
            lambda: binding.driver,
            settings.prefix,
            binding.catalogue,
            settings.policy.redaction.text,
            settings.thresholds,
        )
        #: Tells readings of this process from those of another one.
        self.epoch = uuid.uuid4().hex[:8]
        self.seats = threading.BoundedSemaphore(streams)
        self._guard = threading.Lock()
        self._parts: OrderedDict[tuple[str, int], Mapping[str, str]] = OrderedDict()

    def parts(self, reading: Reading, root: str) -> Mapping[str, str]:
        """Id of an element -> its HTML, for every part of the overview; while Redis is away only
        for those that say so.

        Args:
            reading: what it shows.
            root: what the path of every page starts with.
        """
        key = (root, reading.version)
        with self._guard:
            if key not in self._parts:
                self._parts[key] = overview_parts(reading, root)
                while len(self._parts) > KEPT:
                    self._parts.popitem(last=False)
            return self._parts[key]

    def remembered(self, version: int, root: str) -> Mapping[str, str] | None:
        """The parts of an earlier reading, if they are still there."""
        with self._guard:
            return self._parts.get((root, version))


def overview_parts(reading: Reading, root: str) -> dict[str, str]:
    """See `Board.parts`."""
    found = {
        "banners": render("parts/banners.html", root, banners=banners(reading)),
        "pulse": render("parts/pulse.html", root, reading=reading),
    }
    if not reading.away:
        found |= _parts_of_queues(reading, root)
    return {name: str(html) for name, html in found.items()}


def _parts_of_queues(reading: Reading, root: str) -> dict[str, Markup]:
    found = {
        "numbers": render("parts/numbers.html", root, numbers=numbers(reading)),
        "chart": render("parts/chart.html", root, reading=reading),
        "errors-now": render("parts/errors_now.html", root, groups=reading.recent.errors),
        "slowest": render("parts/slowest.html", root, tasks=reading.recent.slowest),
    }
    for row in rows(reading):
        found[row_id(row.queue.name)] = render("parts/row.html", root, row=row)
    return found


def order_of(reading: Reading, order: str) -> list[str]:
    """The ids of the rows of the table, in that order."""
    return [
        row_id(row.queue.name) for row in rows(reading, order if order in ORDERS else ORDERS[0])
    ]


def current_board() -> Board:
    """The board of the application whose context is active."""
    return board_of(current_app._get_current_object())  # type: ignore[attr-defined]


def board_of(app: Flask) -> Board:
    """The board of an application that has a dashboard."""
    board: Board = app.extensions[KEY]
    return board
