"""Who did what, and who was refused."""

from __future__ import annotations

from flask import Response

from ..access.guarding import current_principal, needs
from ..access.roles import Role
from ..admin.audit import AuditQuery, show_audit
from ..admin.routing import Asked
from ..binding import current_binding
from .page import asked, page

#: Entries on a page.
SHOWN = 100


@needs(Role.READ)
def audit() -> Response:
    """The entries, the newest first."""
    before = asked("before") or None
    query = AuditQuery.model_validate({"count": SHOWN, "before": before})
    entries = show_audit(Asked(current_binding(), current_principal(), {}), query)
    return page("audit.html", "Audit", entries=entries.entries, following=entries.next)
