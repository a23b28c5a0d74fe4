"""Whose jobs there are, and who has how much of all."""

from __future__ import annotations

from flask import Response

from ..access.guarding import needs
from ..access.roles import Role
from ..admin.tenants import TenantsQuery, list_all_tenants
from .page import asking, page

#: Jobs of each state of each queue that are looked at.
SAMPLE = 500
#: Tenants that are shown, those with the most jobs.
SHOWN = 200


@needs(Role.READ)
def tenants() -> Response:
    """The tenants of all queues, the one with the most jobs first."""
    said = list_all_tenants(asking(), TenantsQuery(scan=SAMPLE))
    named = [each for each in said.tenants if each.tenant is not None]
    nobody = next((each for each in said.tenants if each.tenant is None), None)
    return page(
        "tenants.html",
        "Tenants",
        said=said,
        tenants=named[:SHOWN],
        more=max(0, len(named) - SHOWN),
        nobody=nobody,
        sample=SAMPLE,
    )
