"""Redis, and what may be wrong with it, the settings and the queues."""

from __future__ import annotations

from flask import Response

from ..access.guarding import needs
from ..access.roles import Role
from ..admin.doctor import examine_setup
from .page import asking, page


@needs(Role.READ)
def redis() -> Response:
    """What ``bullrush doctor`` says, the worst first. The page works without Redis."""
    said = examine_setup(asking())
    ranks = ("fail", "warn", "ok")
    findings = sorted(said.findings, key=lambda each: ranks.index(each.status))
    return page("redis.html", "Redis", server=said.server, verdict=said.status, findings=findings)
