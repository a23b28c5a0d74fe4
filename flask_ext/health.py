"""Health for container orchestrators and for people. The answers say whether, never where, and need
no token, but for the one that names queues.
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from bullrush.core.health import PATIENCE, Sign, is_ready, queue_shown
from bullrush.core.thresholds import Finding, worst

from .access.guarding import GuardedBlueprint, needs
from .access.roles import Role
from .binding import current_binding

Answer = tuple[Response, int, dict[str, str]]


def health_blueprint(url_prefix: str) -> Blueprint:
    """The open routes."""
    blueprint = Blueprint("bullrush_health", __name__)
    blueprint.get("/live")(show_life)
    blueprint.get(f"{url_prefix}/health/live", endpoint="live")(show_life)
    blueprint.get(f"{url_prefix}/health")(show_health)
    blueprint.get(f"{url_prefix}/health/ready")(show_readiness)
    return blueprint


def queue_health_blueprint(url_prefix: str) -> Blueprint:
    """The route that names queues."""
    blueprint = GuardedBlueprint("bullrush_queue_health", __name__, url_prefix=url_prefix)
    blueprint.get("/health/queues")(show_queue_health)
    return blueprint


def show_life() -> Answer:
    """200 while this process answers. Redis is not asked: a restart here would not mend it."""
    return jsonify(status="ok"), 200, {"Cache-Control": "no-store"}


def show_health() -> Answer:
    """200 while this process answers; the body says how Redis and the queues are.

    ``status`` is ``ok``, ``warning`` or ``critical`` by the thresholds of the queues, or
    ``unavailable``.
    """
    binding = current_binding()
    sign = binding.pulse.answer(PATIENCE)
    findings = None if sign is None else binding.judgement.answer(PATIENCE / 4)
    return _answer(_status(sign, findings), sign)


def show_readiness() -> Answer:
    """200 when Redis answers and its data outlives this process, else 503."""
    sign = current_binding().pulse.answer(PATIENCE)
    if is_ready(sign):
        return _answer("ok", sign)
    return _answer("unavailable", sign, 503)


@needs(Role.READ)
def show_queue_health() -> Answer:
    """As `show_health`, with everything that is above a threshold."""
    binding = current_binding()
    findings = binding.judgement.answer(PATIENCE)
    if findings is None:
        return jsonify(success=False, error="Redis is not available"), 503, {}
    level = worst(findings).name.lower()
    return jsonify(status=level, findings=[each.to_dict() for each in findings]), 200, {}


def _status(sign: Sign | None, findings: list[Finding] | None) -> str:
    if sign is None or findings is None:
        return "unavailable"
    return worst(findings).name.lower()


def _answer(status: str, sign: Sign | None = None, code: int = 200) -> Answer:
    return jsonify(status=status, queue=queue_shown(sign)), code, {"Cache-Control": "no-store"}
