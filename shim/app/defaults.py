"""Every setting of Celery, with its default and what becomes of it here."""

from __future__ import annotations

import datetime
from typing import Any

from .outage import check_policy
from .setting import ON_OTHERS, Setting, accepted, met, works
from .worker_defaults import WORKER_SETTINGS

#: Where what works is tested.
_HERE = "tests/shim/test_settings.py"
_ROUTES = "tests/shim/test_routing.py"
_CODING = "tests/shim/test_serializers.py"
_CALLS = "tests/shim/test_calling.py"
_CLASSES = "tests/shim/test_task_classes.py"
_TASKS = "tests/shim/test_tasks.py"
_POOLS = "tests/shim/test_pools.py"
_RATES = "tests/shim/test_rate_limits.py"
_TYPED = "tests/flask_ext/test_typed_jobs.py"
_OUTAGE = "tests/shim/test_outage.py"
_YET = "has no effect yet"


def _one_protocol(value: Any) -> str | None:
    if value in (2, None):
        return None
    return f"task_protocol={value!r}: only 2 is here; protocol 1 ended with Celery 3"


def _policy() -> dict[str, Any]:
    return {"max_retries": 3, "interval_start": 0, "interval_max": 1, "interval_step": 0.2}


#: First words of ``result_backend`` that ask for what there is, or that the Django fixup reads.
_STORES = {"redis", "rediss", "unix", "sentinel", "memory", "embedded", "disabled"}
_OF_DJANGO = {"django-db", "django-cache"}


def _other_store(value: Any) -> str | None:
    # No more of a URL than its scheme: the rest may hold a password.
    name = value.partition("://")[0] if isinstance(value, str) else getattr(value, "__name__", "")
    if not name or name.partition("+")[0] in _STORES | _OF_DJANGO:
        return None
    return (
        f"result_backend={name!r} stores nothing here: the job is the result, in the Redis of "
        "broker_url; leave it out"
    )


def _known_policy(value: Any) -> str | None:
    return check_policy(value, "on_broker_down")


_GENERAL = [
    works("accept_content", ("json",), _CODING),
    works("result_accept_content", None, _CODING, "None: as accept_content"),
    works("enable_utc", True, _HERE, "moments are stored with their offset, whatever it says"),
    works("imports", (), _HERE),
    works("include", (), _HERE),
    works("timezone", None, _HERE, "None: UTC"),
    works(
        "bullrush_tenant_concurrency",
        None,
        _HERE,
        "our own: how many jobs of one tenant run at once over all workers; no limit",
    ),
    works(
        "bullrush_tenant_field",
        None,
        _HERE,
        "our own: the header, argument or field of the data that names the tenant; tenantId",
    ),
    works("bullrush_prefix", None, _HERE, "our own: what every key in Redis starts with; bull"),
    works("on_broker_down", "raise", _OUTAGE, "our own: raise, inline or spool", _known_policy),
    works("spool_path", "bullrush-spool.sqlite3", _OUTAGE, "our own: the file of spool"),
    works("task_pydantic_check_calls", False, _TYPED, "our own: see pydantic_check_calls"),
    works("max_payload_bytes", None, _TYPED, "our own: a call with more is refused"),
    works("priority_order", "lower-first", _ROUTES, "our own; higher-first is RabbitMQ's order"),
]
_BROKER = [
    works("broker_url", None, _HERE, "redis, rediss, unix or memory; CELERY_BROKER_URL wins"),
    works("broker_read_url", None, _HERE, "None: broker_url; the same as broker_write_url"),
    works("broker_write_url", None, _HERE, "None: broker_url; the same as broker_read_url"),
    works("broker_transport", None, _HERE, "a part of the URL, used when there is no broker_url"),
    works("broker_host", None, _HERE, "as broker_transport"),
    works("broker_port", None, _HERE, "as broker_transport"),
    works("broker_user", None, _HERE, "as broker_transport"),
    works("broker_password", None, _HERE, "as broker_transport"),
    works("broker_vhost", None, _HERE, "as broker_transport; the number of the database"),
    works("broker_transport_options", {}, _HERE, "global_keyprefix; others are told once"),
    works("broker_connection_timeout", 4, _HERE, "5 s when it is not set"),
    met("broker_connection_retry", True, "a lost connection is always made anew"),
    met("broker_connection_retry_on_startup", None, "as broker_connection_retry"),
    met("broker_connection_max_retries", 100, "a worker tries for ever"),
    works("broker_failover_strategy", None, _HERE, "as a driver is opened: shuffle, or in order"),
    met("broker_pool_limit", 10, "connections are made as threads need them"),
    met("broker_pool_acquire_timeout", None, "nobody waits for a connection"),
    works("broker_use_ssl", False, _HERE),
    met("broker_heartbeat", 120, ON_OTHERS),
    met("broker_heartbeat_checkrate", 3.0, ON_OTHERS),
    accepted("broker_channel_error_retry", False),
    accepted("broker_login_method", None),
    accepted("broker_native_delayed_delivery_queue_type", "quorum"),
]
_TASK = [
    works("task_serializer", "json", _CODING),
    works("task_compression", None, _CODING),
    works("task_always_eager", False, _TASKS),
    works("task_eager_propagates", False, _TASKS),
    works("task_store_eager_result", False, "tests/shim/test_eager.py"),
    works("task_ignore_result", False, _TASKS),
    works("task_track_started", False, _TASKS),
    works("task_time_limit", None, _POOLS),
    works("task_soft_time_limit", None, _POOLS),
    works("task_acks_late", False, _TASKS, "late is always so; an explicit False on a task counts"),
    works("task_routes", None, _ROUTES),
    works("task_queues", None, _ROUTES),
    works("task_default_queue", "celery", _ROUTES),
    works("task_default_exchange", None, _ROUTES, "None: the default queue"),
    works("task_default_exchange_type", "direct", _ROUTES),
    works("task_default_routing_key", None, _ROUTES, "None: the default queue"),
    works("task_create_missing_queues", True, _ROUTES),
    works("task_queue_max_priority", None, _ROUTES, "needs nothing here"),
    works("task_default_priority", None, _CALLS),
    works("task_inherit_parent_priority", False, _CALLS),
    works("task_default_rate_limit", None, _RATES),
    works(
        "task_reject_on_worker_lost",
        None,
        _CLASSES,
        "a lost task runs again, until it has stalled too often; False fails it",
    ),
    works("task_retry_on_worker_lost", False, _CLASSES),
    works(
        "task_acks_on_failure_or_timeout",
        True,
        _CLASSES,
        "a late-acked task that ran out of time runs again with False",
    ),
    works("task_acks_on_failure", None, _CLASSES, "a failure is never put back, as in Celery"),
    works("task_acks_on_timeout", None, _CLASSES),
    works("task_publish_retry", True, _CALLS),
    works("task_publish_retry_policy", _policy(), _CALLS),
    works("task_annotations", None, "tests/shim/test_annotations.py"),
    met("task_store_errors_even_if_ignored", False, "failures are always kept"),
    works("task_send_sent_event", False, "tests/shim/test_worker_events.py"),
    accepted("task_remote_tracebacks", False, "the traceback is in AsyncResult.traceback"),
    works("task_protocol", 2, _HERE, "any other is refused", _one_protocol),
    works("task_repr_maxlevels", 3, "tests/shim/test_request.py"),
    works("task_allow_error_cb_on_chord_header", False, "tests/shim/canvas/test_failures.py"),
    accepted("task_default_delivery_mode", 2),
    accepted("task_default_queue_type", "classic"),
    accepted("task_create_missing_queue_type", "classic"),
    accepted("task_create_missing_queue_exchange_type", None),
]
_RESULT = [
    works(
        "result_backend",
        None,
        _HERE,
        "a Redis or none: the job is the result, where the broker is; others are told once",
        remark=_other_store,
    ),
    works("result_serializer", "json", _CODING),
    works("result_compression", None, _CODING),
    works("result_expires", datetime.timedelta(days=1), _HERE),
    works("result_failure_expires", None, _HERE, "None: as result_expires"),
    met("result_extended", False, "everything is always there"),
    accepted("result_chord_expires", None, "the parts of a chord are jobs: result_expires"),
    works(
        "result_backend_transport_options",
        {},
        "tests/shim/test_backend.py",
        "global_keyprefix, for results of ids that are no job; others have no effect",
    ),
    met("result_chord_join_timeout", 3.0, "nobody waits for the parts of a chord"),
    met("result_chord_retry_interval", 1.0, "nobody polls for the parts of a chord"),
    accepted("result_cache_max", -1, "results are not cached"),
    met("result_persistent", None, "results are in Redis"),
    accepted("result_exchange", "celeryresults"),
    accepted("result_exchange_type", "direct"),
    met("result_backend_thread_safe", False, "always so"),
    met("result_backend_always_retry", False, "an outcome is kept until Redis is back"),
    met("result_backend_max_retries", float("inf"), "see result_backend_always_retry"),
    met("result_backend_base_sleep_between_retries_ms", 10, "see result_backend_always_retry"),
    met("result_backend_max_sleep_between_retries_ms", 10000, "see result_backend_always_retry"),
]
#: In the order of Celery's documentation.
SETTINGS: tuple[Setting, ...] = (*_GENERAL, *_BROKER, *_TASK, *_RESULT, *WORKER_SETTINGS)
BY_NAME = {each.name: each for each in SETTINGS}
DEFAULTS: dict[str, Any] = {each.name: each.default for each in SETTINGS}
