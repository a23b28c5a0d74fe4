"""Which options of tasks there are, for ``docs/celery-compatibility.md``."""

from __future__ import annotations

from ..compatibility import Row, accepted, refused, works

_TASKS = "tests/shim/test_tasks.py"
_SENDING = "tests/shim/test_sending_tasks.py"
_CLASSES = "tests/shim/test_task_classes.py"
_RETRY = "tests/shim/test_retry.py"
_MODELS = "tests/shim/test_models.py"
_POOLS = "tests/shim/test_pools.py"
_CALLS = "tests/shim/test_calling.py"
_ROUTES = "tests/shim/test_routing.py"
_CODING = "tests/shim/test_serializers.py"
_TYPED = "tests/flask_ext/test_typed_jobs.py"
_OUTAGE = "tests/shim/test_outage.py"
_BROKERS = "means something to other brokers only"

TASK_OPTIONS: tuple[Row, ...] = (
    works("name", _TASKS),
    works("bind", _TASKS),
    works("base", _CLASSES),
    works("shared", "tests/shim/test_lazy.py"),
    works("lazy", "tests/shim/test_lazy.py"),
    works("filter", "tests/shim/test_lazy.py"),
    works("typing", _CLASSES),
    works("max_retries", _RETRY, "3 are four runs; None is for ever"),
    works("default_retry_delay", _RETRY),
    works("autoretry_for", _RETRY),
    works("dont_autoretry_for", _RETRY),
    works("retry_kwargs", _RETRY),
    works("retry_backoff", _RETRY),
    works("retry_backoff_max", _RETRY),
    works("retry_jitter", _RETRY),
    works("throws", "tests/shim/test_logging.py"),
    works("queue", _ROUTES),
    works("exchange", _ROUTES),
    works("routing_key", _ROUTES),
    accepted("exchange_type", _BROKERS),
    accepted("delivery_mode", _BROKERS),
    accepted("immediate", _BROKERS),
    accepted("mandatory", _BROKERS),
    works("priority", _SENDING),
    works("expires", _SENDING),
    works("serializer", _CODING),
    works("compression", _CODING),
    works("rate_limit", "tests/shim/test_rate_limits.py"),
    works("time_limit", _POOLS),
    works("soft_time_limit", _POOLS),
    works("ignore_result", _TASKS),
    accepted("store_errors_even_if_ignored", "failures are always kept"),
    works("store_eager_result", "tests/shim/test_eager.py"),
    works("track_started", _CLASSES, "costs a round trip for each run"),
    works("acks_late", _CLASSES, "late is always so; an explicit False on a task counts"),
    works("reject_on_worker_lost", _CLASSES, "True is always so; an explicit False fails the task"),
    works("retry_on_worker_lost", _CLASSES),
    works("acks_on_failure_or_timeout", _CLASSES),
    works("acks_on_failure", _CLASSES, "a failure is never put back, as in Celery"),
    works("acks_on_timeout", _CLASSES),
    works("pydantic", _MODELS),
    works("pydantic_strict", _MODELS),
    works("pydantic_check_calls", _TYPED, "our own: models are checked where a call is made, too"),
    works("pydantic_context", _MODELS),
    works("pydantic_dump_kwargs", _MODELS),
    works("on_broker_down", _OUTAGE, "our own: raise, inline or spool, while Redis is away"),
    works("trail", _CALLS),
    works("send_events", "tests/shim/test_worker_events.py"),
    works("resultrepr_maxsize", "tests/shim/test_logging.py"),
    works(
        "Request", "tests/shim/test_request_classes.py", "its on_success, on_failure, on_timeout"
    ),
    refused(
        "Strategy", "workers take jobs their own way; see the signals task_received, task_prerun"
    ),
    refused("backend", "the job is the result, in the application's own Redis"),
    works("any other name", _CLASSES, "becomes an attribute of the task"),
)
