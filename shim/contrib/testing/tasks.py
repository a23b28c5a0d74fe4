"""A task by which a test knows that a worker runs."""

from __future__ import annotations

from ..._state import shared_task


@shared_task(name="celery.ping")  # type: ignore[untyped-decorator]
def ping() -> str:
    """Answer."""
    return "pong"
