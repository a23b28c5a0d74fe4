"""Path below the dashboard's root -> the view of that page."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response

from .overview_page import overview

VIEWS: dict[str, Callable[[], Response]] = {
    "/": overview,
}
