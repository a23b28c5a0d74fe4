"""Which events there are, for ``docs/celery-compatibility.md``."""

from __future__ import annotations

from ..compatibility import Row, accepted, works

_TOLD = "tests/shim/test_worker_events.py"
_HEARD = "tests/shim/test_events.py"

EVENTS: tuple[Row, ...] = (
    works("task-sent", _TOLD, "in the round trip that adds the job; not for a retry"),
    works("task-received", _TOLD),
    works("task-started", _TOLD),
    works("task-succeeded", _TOLD, "tuples are shown as lists"),
    works("task-failed", _TOLD),
    works("task-retried", _TOLD),
    works("task-revoked", _TOLD, "of what was revoked while it waited: by one worker"),
    accepted("task-rejected", "understood by State; Celery's workers do not send it for Reject"),
    accepted("task-cancelled", "never sent: tasks go on when a connection is lost"),
    works("worker-online", _TOLD),
    works("worker-heartbeat", _TOLD, "every 2 s with -E, else every 10 s"),
    works("worker-offline", _TOLD),
    works("any other name", _HEARD, "Task.send_event, app.events.Dispatcher"),
)
