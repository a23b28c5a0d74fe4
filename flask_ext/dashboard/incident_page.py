"""Whether anybody works, and how deep each queue is: the status document as a page."""

from __future__ import annotations

from flask import Response

from ..access.guarding import needs
from ..access.roles import Role
from ..admin.workers import show_status
from .page import asking, page


@needs(Role.READ)
def incident() -> Response:
    """What ``/api/admin/workers/status`` says, and nothing else: the page works without Redis."""
    status = show_status(asking())
    depths = status.execution_worker.metrics.queue_depths
    regions = regions_of(list(depths))
    deepest = max((each.total for each in depths.values()), default=0)
    return page(
        "incident.html",
        "Incident",
        said=status,
        depths=depths,
        regions=regions,
        deepest=max(1, deepest),
        document=status.model_dump(mode="json", by_alias=True),
    )


def regions_of(names: list[str]) -> dict[str, list[str]]:
    """Queues with all but the last part of their names in common, such as ``workflow.execute.us``:
    what should be balanced. The others are in the group without a name.
    """
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(name.rpartition(".")[0], []).append(name)
    alone = [members.pop() for head, members in groups.items() if head and len(members) == 1]
    groups[""] = sorted([*groups.get("", []), *alone])
    return {head: members for head, members in sorted(groups.items()) if members}
