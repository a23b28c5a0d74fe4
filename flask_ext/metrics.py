"""Numbers for machines: metrics for Prometheus, and the depth of a queue for who scales workers."""

from __future__ import annotations

from flask import Response, jsonify, request

from bullrush.core.errors import BullrushError, InvalidOption
from bullrush.core.exposition import CONTENT_TYPE, exposition
from bullrush.core.snapshot import take

from .access.guarding import GuardedBlueprint, needs
from .access.roles import Role
from .binding import current_binding


def metrics_blueprint(url_prefix: str) -> GuardedBlueprint:
    """The routes. A scraper sends a token as everybody does."""
    blueprint = GuardedBlueprint("bullrush_metrics", __name__)
    blueprint.get("/metrics")(show_metrics)
    blueprint.get(f"{url_prefix}/admin/scale/<queue>")(show_scale)
    return blueprint


@needs(Role.READ)
def show_metrics() -> tuple[Response, int]:
    """Every queue; without Redis just that it is away, so that an alert can see it."""
    try:
        away = exposition(None)
    except InvalidOption as error:  # without the extra
        return jsonify(success=False, error=str(error)), 501
    scraped = current_binding().scrape.answer()
    body = away if scraped is None else scraped
    return Response(body + _outage(), content_type=CONTENT_TYPE), 200


def _outage() -> bytes:
    """What this process does without Redis."""
    rows = [
        "# HELP bullrush_degraded Whether calls of this process are run inline or spooled",
        "# TYPE bullrush_degraded gauge",
        f"bullrush_degraded {int(current_binding().celery.outage.degraded)}",
    ]
    return "".join(f"{row}\n" for row in rows).encode()


@needs(Role.READ)
def show_scale(queue: str) -> tuple[Response, int]:
    """``{"value": n}``: how many jobs of the queue may start, over all workers.

    With ``?active=1`` those that run count too, so that a scaler does not take away the workers
    that are at them. A queue that nobody has used is an empty one.
    """
    binding = current_binding()
    name = binding.settings.queue_aliases.get(queue, queue)
    try:
        found = take(binding.driver, binding.settings.prefix, [name])
    except BullrushError:
        return jsonify(success=False, error="Redis is not available"), 503
    if not found:
        return jsonify(success=False, error=f"there is no queue {queue!r}"), 404
    with_active = request.args.get("active") in ("1", "true")
    return jsonify(value=found[0].waiting + with_active * found[0].counts["active"]), 200
