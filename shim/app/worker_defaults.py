"""Settings of workers, beat, events, control and other result stores; see `defaults`."""

from __future__ import annotations

from typing import Any

from .setting import Setting, accepted, met, works

_HERE = "tests/shim/test_settings.py"
_WORKERS = "tests/shim/test_app.py"
_IN = "tests/shim/beat"
_CLOCK = f"{_IN}/test_services.py"
_POOLS = "tests/shim/test_pools.py"
_LOG = "tests/shim/test_logging.py"
_CONTROLLED = "tests/shim/test_control.py"
_STREAM = "commands are in a bounded stream in Redis"
_TELLING = "tests/shim/test_worker_events.py"
_EVENT_STREAM = "events are in a bounded stream in Redis, which every receiver reads from now on"
_YET = "has no effect yet"
_PLACE = "[%(asctime)s: %(levelname)s/%(processName)s] "


def _several(note: str, **defaults: Any) -> list[Setting]:
    return [accepted(name, default, note) for name, default in defaults.items()]


_LOGGING = [
    works(name, default, _LOG)
    for name, default in {
        "worker_hijack_root_logger": True,
        "worker_redirect_stdouts": True,
        "worker_redirect_stdouts_level": "WARNING",
        "worker_log_color": None,
        "worker_log_datefmt": None,
        "worker_log_format": _PLACE + "%(message)s",
        "worker_task_log_datefmt": None,
        "worker_task_log_format": _PLACE + "%(task_name)s[%(task_id)s]: %(message)s",
    }.items()
]
_WORKER = [
    works("worker_concurrency", None, _WORKERS, "None: one for each CPU"),
    works("worker_pool", None, _WORKERS, "None: prefork on the command line, threads in code"),
    works("worker_disable_rate_limits", False, "tests/shim/test_rate_limits.py"),
    works("worker_direct", False, "tests/shim/test_routing.py"),
    works("worker_max_tasks_per_child", None, _POOLS),
    works("worker_max_memory_per_child", None, _POOLS),
    works("worker_soft_shutdown_timeout", 0.0, "tests/shim/test_shutdown.py"),
    works("worker_enable_remote_control", True, _CONTROLLED),
    works("worker_send_task_events", False, _TELLING),
    works("worker_pool_restarts", False, _CONTROLLED, "new child processes; code is not reloaded"),
    met("worker_prefetch_multiplier", 4, "jobs are fetched when there is a slot for them"),
    met("worker_disable_prefetch", False, "always so, but for jobs shorter than a round trip"),
    met("worker_state_db", None, "what is revoked is kept in Redis"),
    met("worker_eta_task_limit", None, "tasks with an eta wait in Redis"),
    met("worker_deduplicate_successful_tasks", False, "a job that has succeeded is in no queue"),
    met(
        "worker_proc_alive_timeout", 4.0, "a child takes jobs once it is up, however long it takes"
    ),
    works("worker_pool_start_method", "fork", _POOLS, "forkserver when it is not set"),
    met("worker_enable_soft_shutdown_on_idle", False, "tasks with an eta wait in Redis, not in it"),
    met("worker_lost_wait", 10.0, "a lost child is noticed at once"),
    accepted("worker_cancel_long_running_tasks_on_connection_loss", False, "they go on"),
    *_several(
        _YET,
    ),
    *_several(
        "a part of Celery's own worker",
        worker_agent=None,
        worker_autoscaler="celery.worker.autoscale:Autoscaler",
        worker_consumer="celery.worker.consumer:Consumer",
        worker_pool_putlocks=True,
        worker_enable_prefetch_count_reduction=True,
        worker_detect_quorum_queues=True,
        worker_timer=None,
        worker_timer_precision=1.0,
    ),
]
_BEAT = [
    works("beat_schedule", {}, f"{_IN}/test_writing.py", "entries become BullMQ's job schedulers"),
    works("beat_scheduler", "celery.beat:PersistentScheduler", _CLOCK, "its state is in Redis"),
    works(
        "beat_schedule_filename",
        "celerybeat-schedule",
        f"{_IN}/test_starting_again.py",
        "a name; no file is written",
    ),
    works("beat_max_loop_interval", 0, _CLOCK),
    works("beat_sync_every", 0, _CLOCK),
    works("beat_cron_starting_deadline", None, f"{_IN}/test_writing.py"),
    accepted("beat_enable_remote_control", False, "beat answers no commands"),
    accepted("beat_remote_control_max_tick_age", None, "beat answers no commands"),
]
_CONTROL = [
    works("control_exchange", "celery", _CONTROLLED, "names the fleet that hears a command"),
    met("control_queue_ttl", 300.0, _STREAM),
    met("control_queue_expires", 10.0, _STREAM),
    met("control_queue_exclusive", True, _STREAM),
    met("control_queue_durable", False, _STREAM),
]
_EVENTS = [
    works("event_exchange", "celeryev", _TELLING, "names the stream of events"),
    works("event_queue_expires", 60.0, _TELLING, "s after the last event until the stream goes"),
    met("event_serializer", "json", "events are JSON"),
    met("event_queue_prefix", "celeryev", _EVENT_STREAM),
    met("event_queue_ttl", 5.0, _EVENT_STREAM),
    met("event_queue_exclusive", True, _EVENT_STREAM),
    met("event_queue_durable", False, _EVENT_STREAM),
]
_SECURITY = _several(
    "read by setup_security",
    security_key=None,
    security_key_password=None,
    security_certificate=None,
    security_cert_store=None,
    security_digest="sha256",
)
_REDIS = _several(
    "of a second connection for results; the job is the result, on the broker's connection",
    redis_host=None,
    redis_port=None,
    redis_db=None,
    redis_username=None,
    redis_password=None,
    redis_backend_use_ssl=None,
    redis_backend_health_check_interval=None,
    redis_backend_credential_provider=None,
    redis_client_name=None,
    redis_max_connections=None,
    redis_socket_timeout=120.0,
    redis_socket_connect_timeout=None,
    redis_retry_on_timeout=False,
    redis_socket_keepalive=False,
)
_STORES = _several(
    "of another result store; the job is the result",
    cache_backend=None,
    cache_backend_options={},
    cassandra_entry_ttl=None,
    cassandra_keyspace=None,
    cassandra_port=None,
    cassandra_read_consistency=None,
    cassandra_servers=None,
    cassandra_bundle_path=None,
    cassandra_table=None,
    cassandra_write_consistency=None,
    cassandra_auth_provider=None,
    cassandra_auth_kwargs=None,
    cassandra_options={},
    s3_access_key_id=None,
    s3_secret_access_key=None,
    s3_bucket=None,
    s3_base_path=None,
    s3_endpoint_url=None,
    s3_region=None,
    azureblockblob_container_name="celery",
    azureblockblob_retry_initial_backoff_sec=2,
    azureblockblob_retry_increment_base=2,
    azureblockblob_retry_max_attempts=3,
    azureblockblob_base_path="",
    azureblockblob_connection_timeout=20,
    azureblockblob_read_timeout=120,
    gcs_bucket=None,
    gcs_project=None,
    gcs_base_path="",
    gcs_ttl=0,
    couchbase_backend_settings=None,
    arangodb_backend_settings=None,
    mongodb_backend_settings=None,
    cosmosdbsql_database_name="celerydb",
    cosmosdbsql_collection_name="celerycol",
    cosmosdbsql_consistency_level="Session",
    cosmosdbsql_max_retry_attempts=9,
    cosmosdbsql_max_retry_wait_time=30,
    elasticsearch_retry_on_timeout=None,
    elasticsearch_max_retries=None,
    elasticsearch_timeout=None,
    elasticsearch_save_meta_as_text=True,
    database_url=None,
    database_engine_options={"pool_pre_ping": True, "pool_recycle": 3600},
    database_engine_callback=None,
    database_short_lived_sessions=False,
    database_table_schemas=None,
    database_table_names=None,
    database_create_tables_at_setup=True,
)
WORKER_SETTINGS = (
    *_WORKER,
    *_LOGGING,
    *_BEAT,
    *_CONTROL,
    *_EVENTS,
    *_SECURITY,
    *_REDIS,
    *_STORES,
)
