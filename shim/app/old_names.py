"""The upper-case names that settings had before Celery 4."""

from __future__ import annotations

from .defaults import SETTINGS

#: First word of a setting -> what its old name begins with, instead of that word.
_FIRST_WORDS = {"task": "CELERY", "worker": "CELERYD", "beat": "CELERYBEAT"}
#: Those that had their present name, in capitals.
_UNCHANGED = ("broker", "cassandra", "s3", "azureblockblob", "gcs", "control", "cosmosdbsql")
_OTHERS = {
    "result_accept_content": "RESULT_ACCEPT_CONTENT",
    "enable_utc": "ENABLE_UTC",
    "result_expires": "CELERY_TASK_RESULT_EXPIRES",
    "result_cache_max": "CELERY_MAX_CACHED_RESULTS",
    "database_url": "CELERY_RESULT_DBURI",
    "database_engine_options": "CELERY_RESULT_ENGINE_OPTIONS",
    "database_engine_callback": "DATABASE_ENGINE_CALLBACK",
    "database_short_lived_sessions": "CELERY_RESULT_DB_SHORT_LIVED_SESSIONS",
    "database_table_schemas": "DATABASE_TABLE_SCHEMAS",
    "database_table_names": "CELERY_RESULT_DB_TABLENAMES",
    "database_create_tables_at_setup": "DATABASE_CREATE_TABLES_AT_SETUP",
    "task_compression": "CELERY_MESSAGE_COMPRESSION",
    "task_eager_propagates": "CELERY_EAGER_PROPAGATES_EXCEPTIONS",
    "task_protocol": "CELERY_TASK_PROTOCOL",
    "task_publish_retry": "CELERY_TASK_PUBLISH_RETRY",
    "task_publish_retry_policy": "CELERY_TASK_PUBLISH_RETRY_POLICY",
    "task_send_sent_event": "CELERY_SEND_TASK_SENT_EVENT",
    "task_serializer": "CELERY_TASK_SERIALIZER",
    "task_soft_time_limit": "CELERYD_TASK_SOFT_TIME_LIMIT",
    "task_time_limit": "CELERYD_TASK_TIME_LIMIT",
    "worker_direct": "CELERY_WORKER_DIRECT",
    "worker_disable_rate_limits": "CELERY_DISABLE_RATE_LIMITS",
    "worker_enable_remote_control": "CELERY_ENABLE_REMOTE_CONTROL",
    "worker_lost_wait": "CELERYD_WORKER_LOST_WAIT",
    "worker_redirect_stdouts": "CELERY_REDIRECT_STDOUTS",
    "worker_redirect_stdouts_level": "CELERY_REDIRECT_STDOUTS_LEVEL",
    "worker_send_task_events": "CELERY_SEND_EVENTS",
}
#: Names that Celery's manual once had beside the usual old one.
_MORE = {
    "CELERY_EAGER_PROPAGATES": "task_eager_propagates",
    "CELERY_ENABLE_UTC": "enable_utc",
    "CELERY_RESULT_EXPIRES": "result_expires",
}


def _old_name(name: str) -> str:
    if name in _OTHERS:
        return _OTHERS[name]
    first, _, rest = name.partition("_")
    if first in _UNCHANGED:
        return name.upper()
    return (
        f"{_FIRST_WORDS[first]}_{rest}".upper()
        if first in _FIRST_WORDS
        else f"CELERY_{name}".upper()
    )


#: Old name -> present name.
NEW_NAMES = {**{_old_name(each.name): each.name for each in SETTINGS}, **_MORE}
#: Present name -> old name.
OLD_NAMES = {each.name: _old_name(each.name) for each in SETTINGS}
