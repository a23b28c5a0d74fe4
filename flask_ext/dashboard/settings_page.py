"""What is configured, and what said so."""

from __future__ import annotations

from flask import Response

from ..access.guarding import needs
from ..access.roles import Role
from ..admin.configured import show_settings
from .page import asking, page


@needs(Role.READ)
def settings() -> Response:
    """The settings that count here, without their secrets."""
    said = show_settings(asking())
    parts = {
        "Connection and work": said.connection,
        "Flask": said.flask,
        "Celery": said.celery,
    }
    return page("settings.html", "Settings", parts=parts)
