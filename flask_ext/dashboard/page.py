"""What all pages have in common."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import parse_qs

from flask import Response, make_response, request

from bullrush.core.errors import BullrushError

from ..access.guarding import current_csrf_token, current_principal, is_logged_in
from ..admin.routing import Asked
from ..binding import current_binding
from .rendering import fingerprint_of, render

logger = logging.getLogger("bullrush.flask_ext")

#: The pages that the bar names: (page, words).
NAVIGATION = (
    ("", "Overview"),
    ("schedulers", "Schedulers"),
    ("workers", "Workers"),
    ("tenants", "Tenants"),
    ("errors", "Errors"),
    ("redis", "Redis"),
    ("incident", "Incident"),
    ("audit", "Audit"),
    ("settings", "Settings"),
)
_THEMES = ("light", "dark")


def root() -> str:
    """What the path of every page starts with here, however the application is mounted."""
    return f"{request.script_root}{current_binding().settings.dashboard_path}"


def asked(name: str, default: str = "") -> str:
    """A value of the query. Bytes that are no UTF-8 stay what they are, as ids may have them."""
    query = request.query_string.decode("latin-1")
    values = parse_qs(query, keep_blank_values=True, errors="surrogateescape", max_num_fields=100)
    return values.get(name, [default])[0]


def asking() -> Asked:
    """For a view of the admin API, whose answer a page shows."""
    return Asked(current_binding(), current_principal(), {})


def page(template: str, title: str, status: int = 200, **values: Any) -> Response:
    """A whole page."""
    theme = request.cookies.get("bullrush_theme", "")
    html = render(
        template,
        root(),
        title=title,
        here=request.path,
        navigation=NAVIGATION,
        theme=theme if theme in _THEMES else "",
        principal=current_principal(),
        csrf_token=current_csrf_token(),
        logged_in=is_logged_in(),
        api=f"{request.script_root}{current_binding().settings.url_prefix}",
        version_of=fingerprint_of,
        prefix=current_binding().settings.prefix,
        **values,
    )
    response = make_response(html.encode("utf-8", "replace"), status)
    response.headers["Content-Type"] = "text/html; charset=utf-8"
    return response


def missing(text: str) -> Response:
    """There is no such thing."""
    return page("missing.html", "Not found", 404, text=text)


def failed_page(error: BullrushError) -> Response:
    """Redis is away; the log has the reason, the page names no host."""
    logger.error("dashboard: %s", error)
    return page("unavailable.html", "Redis is not available", 503)
