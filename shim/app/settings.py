"""``app.conf``: Celery's settings with their defaults. What cannot be honoured is said once, by
name.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

logger = logging.getLogger("bullrush.settings")

#: Settings that do something here, with their defaults.
HONOURED: dict[str, Any] = {
    "broker_url": None,
    "result_backend": None,
    "task_default_queue": "celery",
    "task_default_priority": None,
    "task_default_rate_limit": None,
    "task_routes": None,
    "task_always_eager": False,
    "task_eager_propagates": False,
    "task_store_eager_result": False,
    "task_ignore_result": False,
    "task_track_started": False,
    "task_annotations": None,
    "result_expires": 86400,
    "timezone": "UTC",
    "enable_utc": True,
    "imports": (),
    "include": (),
    "worker_concurrency": None,
    "worker_pool": None,
    "worker_disable_rate_limits": False,
    "worker_max_tasks_per_child": None,
    "worker_soft_shutdown_timeout": 0.0,
    "worker_max_memory_per_child": None,
    "task_soft_time_limit": None,
    "task_time_limit": None,
    "worker_hijack_root_logger": True,
    "bullrush_prefix": None,
}

#: Settings whose meaning is met by how this library works, whatever their value.
MET = frozenset(
    {
        "accept_content",
        "broker_connection_retry",
        "broker_connection_retry_on_startup",
        "broker_connection_max_retries",
        "broker_pool_limit",
        "broker_heartbeat",
        "broker_transport_options",
        "result_backend_transport_options",
        "result_serializer",
        "task_serializer",
        "task_acks_late",
        "task_reject_on_worker_lost",
        "task_create_missing_queues",
        "task_protocol",
        "worker_prefetch_multiplier",
        "worker_cancel_long_running_tasks_on_connection_loss",
        "worker_send_task_events",
        "task_send_sent_event",
        "event_queue_expires",
        "task_default_exchange",
        "task_default_exchange_type",
        "task_default_routing_key",
        "task_queues",
        "result_extended",
        "result_persistent",
    }
)

#: Old names whose new one is not just the lower case.
OLD_NAMES = {
    "BROKER_URL": "broker_url",
    "CELERY_RESULT_BACKEND": "result_backend",
    "CELERY_DEFAULT_QUEUE": "task_default_queue",
    "CELERY_ROUTES": "task_routes",
    "CELERY_ALWAYS_EAGER": "task_always_eager",
    "CELERY_EAGER_PROPAGATES_EXCEPTIONS": "task_eager_propagates",
    "CELERY_EAGER_PROPAGATES": "task_eager_propagates",
    "CELERY_IGNORE_RESULT": "task_ignore_result",
    "CELERY_TRACK_STARTED": "task_track_started",
    "CELERY_TASK_RESULT_EXPIRES": "result_expires",
    "CELERY_TIMEZONE": "timezone",
    "CELERY_ENABLE_UTC": "enable_utc",
    "CELERY_IMPORTS": "imports",
    "CELERY_INCLUDE": "include",
    "CELERY_ACCEPT_CONTENT": "accept_content",
    "CELERY_TASK_SERIALIZER": "task_serializer",
    "CELERY_RESULT_SERIALIZER": "result_serializer",
    "CELERY_DEFAULT_RATE_LIMIT": "task_default_rate_limit",
    "CELERY_DISABLE_RATE_LIMITS": "worker_disable_rate_limits",
    "CELERYD_CONCURRENCY": "worker_concurrency",
    "CELERYD_POOL": "worker_pool",
    "CELERYD_MAX_TASKS_PER_CHILD": "worker_max_tasks_per_child",
    "CELERYD_MAX_MEMORY_PER_CHILD": "worker_max_memory_per_child",
    "CELERYD_TASK_SOFT_TIME_LIMIT": "task_soft_time_limit",
    "CELERYD_TASK_TIME_LIMIT": "task_time_limit",
    "CELERYD_PREFETCH_MULTIPLIER": "worker_prefetch_multiplier",
    "CELERY_ACKS_LATE": "task_acks_late",
}


class Settings(MutableMapping[str, Any]):
    """Attribute and mapping access to the settings; the old upper-case names work too."""

    def __init__(self) -> None:
        object.__setattr__(self, "_values", dict(HONOURED))
        object.__setattr__(self, "_told", set())

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no setting {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __getitem__(self, name: str) -> Any:
        return self._values[OLD_NAMES.get(name, name)]

    def __setitem__(self, name: str, value: Any) -> None:
        known = OLD_NAMES.get(name, name)
        if known not in HONOURED and known not in MET and known not in self._told:
            self._told.add(known)
            near = difflib.get_close_matches(known.lower(), [*HONOURED, *MET], n=1, cutoff=0.8)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            logger.warning("the setting %r has no effect here%s", name, hint)
        self._values[known] = value

    def __delitem__(self, name: str) -> None:
        del self._values[OLD_NAMES.get(name, name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def update_from(self, source: Any, namespace: str | None = None) -> None:
        """Take over the settings of an object, a module or a mapping.

        Args:
            namespace: only names that start with it and ``_``, such as ``CELERY``.
        """
        names = source.keys() if isinstance(source, Mapping) else dir(source)
        prefix = f"{namespace.rstrip('_').upper()}_" if namespace else ""
        for name in names:
            if name.startswith("_") or not name.upper().startswith(prefix):
                continue
            value = source[name] if isinstance(source, Mapping) else getattr(source, name)
            short = name[len(prefix) :] if prefix else name
            if prefix or short in OLD_NAMES or _is_setting(short):
                self[short.lower() if prefix or short not in OLD_NAMES else short] = value


def _is_setting(name: str) -> bool:
    """Modules hold other things as well: imports, functions, constants of their own."""
    known = {*HONOURED, *MET}
    return name in known or (
        name.islower() and name.startswith(("task_", "worker_", "result_", "broker_"))
    )
