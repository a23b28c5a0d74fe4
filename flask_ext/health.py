"""Readiness for container orchestrators: may this process be sent traffic?"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from .binding import current_binding

#: s after which a Redis that has not answered is unreachable. Probes often give up after 2 s.
PATIENCE = 1.5


def health_blueprint(url_prefix: str) -> Blueprint:
    """The health route. It needs no token: it says only whether, never where."""
    blueprint = Blueprint("bullrush_health", __name__, url_prefix=url_prefix)
    blueprint.get("/health/ready")(show_readiness)
    return blueprint


def show_readiness() -> tuple[Response, int, dict[str, str]]:
    """200 when Redis answers and its data outlives this process, else 503."""
    binding = current_binding()
    latency = binding.pulse.latency_ms(PATIENCE)
    reachable = latency is not None
    # A driver that cannot even be made is as good as unreachable, so the pulse is asked first.
    volatile = reachable and binding.driver.volatile
    queue = {
        "status": "ready" if reachable else "unreachable",
        "latencyMs": latency,
        "durable": reachable and not volatile,
        "driver": "inmemory" if volatile else "bullmq",
    }
    ready = reachable and not volatile
    body = jsonify(status="ok" if ready else "unavailable", queue=queue)
    return body, 200 if ready else 503, {"Cache-Control": "no-store"}
