"""How the queues of an application stand, for ``status`` and ``top``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bullrush.core.snapshot import QueueSnapshot, take
from bullrush.core.views import list_queues

from ..app import Celery

COLUMNS = ("waiting", "prioritized", "active", "delayed", "failed", "completed")


def snapshots(app: Celery, names: Sequence[str] = ()) -> list[QueueSnapshot]:
    """Those queues, or all there are and those that the application names.

    Raises:
        ConnectionFailed: Redis did not answer.
    """
    found = names or sorted({*list_queues(app.driver, app.prefix), *app.known_queues()})
    return take(app.driver, app.prefix, found)


def as_json(found: QueueSnapshot) -> dict[str, Any]:
    """One queue: its counts as `Queue.get_job_counts` gives them, its workers and their slots."""
    return {
        "counts": dict(found.counts),
        "paused": found.paused,
        "workers": found.worker_count,
        "slots": found.slots,
        "oldestWaiting": found.oldest_waiting,
    }


def table(found: Sequence[QueueSnapshot]) -> str:
    """All of them as text."""
    width = max([5, *(len(each.name) for each in found)])
    head = f"{'queue':<{width}}" + "".join(f"{name:>13}" for name in (*COLUMNS, "slots"))
    lines = [
        f"{each.name:<{width}}"
        + "".join(f"{each.counts[name]:>13}" for name in COLUMNS)
        + f"{each.slots:>13}"
        + ("  paused" if each.paused else "")
        for each in found
    ]
    return "\n".join([head, *lines])
