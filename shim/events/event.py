"""One event: a dict with a type such as ``task-started``, and a moment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

#: The setting ``event_exchange``, when nobody says otherwise.
EVENT_EXCHANGE_NAME = "celeryev"


def Event(type: str, _fields: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A new event.

    Args:
        type: ``group-what``.
        **fields: what it tells; `timestamp`, Unix s, is now when it is not given.
    """
    event = {**(_fields or {}), **fields}
    event.setdefault("timestamp", time.time())
    event["type"] = type
    return event


def group_from(type: str) -> str:
    """``task`` of ``task-started``."""
    return type.partition("-")[0]
