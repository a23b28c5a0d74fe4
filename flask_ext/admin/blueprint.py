"""All admin routes, and what becomes of errors."""

from __future__ import annotations

import logging

from flask import Blueprint, Response, g, jsonify

from bullrush.core.errors import (
    BullrushError,
    CannotObliterate,
    InvalidInput,
    JobError,
    JobNotFound,
    ParentNotFound,
)

from ..access.guarding import GuardedBlueprint
from . import (
    actions,
    audit,
    bulk,
    configured,
    counts,
    deploys,
    doctor,
    editing,
    failures,
    jobs,
    openapi,
    schedulers,
    steering,
    tasks,
    tenants,
    undo,
    workers,
)
from .routing import Route

logger = logging.getLogger(__name__)

#: That of the blueprint.
NAME = "bullrush_admin"
SUBJECTS = (
    counts,
    jobs,
    actions,
    editing,
    steering,
    bulk,
    undo,
    schedulers,
    workers,
    failures,
    tasks,
    tenants,
    doctor,
    configured,
    deploys,
    audit,
    openapi,
)
#: Every route there is.
ROUTES: tuple[Route, ...] = tuple(route for each in SUBJECTS for route in each.ROUTES.all)

_STATUS: tuple[tuple[type[BullrushError], int], ...] = (
    (InvalidInput, 422),
    (JobNotFound, 404),
    (ParentNotFound, 409),
    (JobError, 409),
    (CannotObliterate, 409),
)


def admin_blueprint(url_prefix: str) -> Blueprint:
    """The admin routes. Nothing in them is open."""
    blueprint = GuardedBlueprint(NAME, __name__, url_prefix=url_prefix)
    blueprint.register_error_handler(BullrushError, refuse)
    blueprint.after_request(audit.record)
    for route in ROUTES:
        blueprint.add_url_rule(route.rule, route.name, route, methods=[route.method])
    openapi.offer(blueprint, ROUTES)
    return blueprint


def refuse(error: BullrushError) -> tuple[Response, int]:
    """What was wrong with the request, or that Redis did not answer: then the log has the reason
    and the answer names no host.
    """
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return jsonify(success=False, error=str(error)), status
    logger.error("admin JSON: %s", error)
    g.bullrush_unavailable = True
    return jsonify(success=False, error="Redis is not available"), 503
