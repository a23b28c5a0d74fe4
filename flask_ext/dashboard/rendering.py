"""Templates of the dashboard, in an environment of their own: what the host application does to its
templates does not reach these, and all text is escaped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bullrush.core.deploys import Deploy

from ..words import FILTERS, clock
from .charts import STATES, sparkline, state_bar, throughput
from .history import WINDOWS, Series

HERE = Path(__file__).parent


@cache
def environment() -> Environment:
    """The templates, loaded once in a process."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= FILTERS
    made.globals |= {
        "sparkline": sparkline,
        "state_bar": state_bar,
        "throughput": throughput,
        "state_words": STATES,
        "row_id": row_id,
        "buckets": buckets,
        "marks": marks,
    }
    return made


def render(template: str, root: str, **values: Any) -> Markup:
    """A template.

    Args:
        template: its file.
        root: what the path of every page starts with.
        **values: what it shows.
    """
    links = Links(root)
    text = environment().get_template(template).render(root=root, to=links, **values)
    return Markup(text)


class Links:
    """Addresses of pages. Names and ids go into the query, where any text can be written."""

    def __init__(self, root: str) -> None:
        self._root = root

    def __call__(self, page: str = "", /, **query: Any) -> str:
        """The address of a page."""
        pairs = [
            f"{name}={quote(str(value), safe='', errors='surrogateescape')}"
            for name, value in query.items()
            if value not in (None, "")
        ]
        path = f"{self._root}/{page}" if page else self._root or "/"
        return path + ("?" + "&".join(pairs) if pairs else "")


def buckets(series: Series, now: int, span: str) -> list[tuple[int, int, str]]:
    """(completed, failed, when) of each bucket of a window, oldest first."""
    window = WINDOWS[span]
    form = "%H:%M" if window.span <= 1440 else "%d %b %H:%M"
    form = "%d %b" if window.minutes == 1440 else form
    starts = (datetime.fromtimestamp(each / 1000, timezone.utc) for each in window.starts(now))
    times = [each.strftime(form) for each in starts]
    return list(zip(series.completed, series.failed, times, strict=True))


def marks(deploys: Sequence[Deploy], now: int, span: str) -> list[tuple[float, str]]:
    """(how far from the left, from 0 to 1; what it says) of each deployment within a window."""
    window = WINDOWS[span]
    begin, whole = window.starts(now)[0], window.span * 60_000
    shown = ((each, (each.at - begin) / whole) for each in deploys)
    return [
        (place, f"{each.text}, {clock(each.at)} UTC") for each, place in shown if 0 <= place < 1
    ]


def row_id(queue: str) -> str:
    """The id of a queue's row in the page: a word whatever the queue is called."""
    return "q-" + hashlib.sha256(queue.encode("utf-8", "replace")).hexdigest()[:12]


@cache
def fingerprint_of(name: str) -> str:
    """Changes when a static file does, so that browsers may keep it for ever."""
    return hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]
