"""Celery's commands that have to do with events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .panel import control_command
from .steering import ok

if TYPE_CHECKING:
    from .events import WorkerEvents
    from .remote import Remote


@control_command()
def enable_events(state: Remote, **kwargs: Any) -> Any:
    """Tell of tasks from now on."""
    return ok("task events enabled" if _of(state).enable() else "task events already enabled")


@control_command()
def disable_events(state: Remote, **kwargs: Any) -> Any:
    """Tell of tasks no more."""
    return ok("task events disabled" if _of(state).disable() else "task events already disabled")


@control_command()
def heartbeat(state: Remote, **kwargs: Any) -> Any:
    """Send a heartbeat event now."""
    _of(state).beat()


def _of(state: Remote) -> WorkerEvents:
    events = state.node.events
    assert events is not None
    return events
