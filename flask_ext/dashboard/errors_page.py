"""What goes wrong, by its cause."""

from __future__ import annotations

from flask import Response

from ..access.guarding import needs
from ..access.roles import Role
from ..binding import current_binding
from .board import current_board
from .looking import redaction
from .page import asked, page
from .recent import failed_groups

#: Failed jobs of each queue that are looked at.
SAMPLE = 200


@needs(Role.READ)
def errors() -> Response:
    """The newest failed jobs of all queues, grouped by their cause."""
    binding, only = current_binding(), asked("queue")
    queues = [
        queue for queue in current_board().collector.current().queues if only in ("", queue.name)
    ]
    groups = failed_groups(binding.driver, binding.settings.prefix, queues, SAMPLE)
    reasons = {group.fingerprint: redaction().text(group.reason) for group in groups}
    return page("errors.html", "Errors", groups=groups, reasons=reasons, only=only, sample=SAMPLE)
