"""Who did what, who was refused, and what can be undone."""

from __future__ import annotations

from flask import Response

from ..access.guarding import needs
from ..access.roles import Role
from ..admin.audit import AuditQuery, show_audit
from ..admin.undo import list_undos
from .page import asked, asking, page

#: Entries on a page.
SHOWN = 100


@needs(Role.READ)
def audit() -> Response:
    """The entries, the newest first, above them what can be undone."""
    before = asked("before") or None
    query = AuditQuery.model_validate({"count": SHOWN, "before": before})
    entries = show_audit(asking(), query)
    undos = [] if before else list_undos(asking()).undos
    return page("audit.html", "Audit", entries=entries.entries, following=entries.next, undos=undos)
