"""When the application was deployed: marks for charts."""

from __future__ import annotations

from pydantic import Field

from bullrush.core.deploys import LONGEST, Deploy, list_deploys, mark_deploy

from .models import Answer, Body, Query
from .routing import Asked, Routes

ROUTES = Routes()


class Mark(Body):
    """What is deployed."""

    text: str = Field("deploy", min_length=1, max_length=LONGEST, description="such as a version")


class DeployRow(Answer):
    """One deployment."""

    at: int = Field(description="Unix ms")
    text: str


class DeploysQuery(Query):
    """How many are shown."""

    count: int = Field(50, ge=1, le=500)


class Deploys(Answer):
    """The last deployments, the newest first."""

    deploys: list[DeployRow]


@ROUTES.get("/admin/deploys")
def show_deploys(asked: Asked, query: DeploysQuery) -> Deploys:
    """When the application was deployed, the newest first."""
    found = list_deploys(asked.binding.driver, asked.binding.settings.prefix, query.count)
    return Deploys(deploys=[_row(each) for each in found])


@ROUTES.action("/admin/deploys")
def add_deploy(asked: Asked, body: Mark) -> DeployRow:
    """Mark this moment in the charts."""
    return _row(mark_deploy(asked.binding.driver, asked.binding.settings.prefix, body.text))


def _row(deploy: Deploy) -> DeployRow:
    return DeployRow(at=deploy.at, text=deploy.text)
