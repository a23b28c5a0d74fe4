"""Celery's signals. Connect to them as in Celery: ``@task_prerun.connect``."""

from __future__ import annotations

import logging
from typing import Any

from .utils.dispatch import Signal

logger = logging.getLogger("celery.signals")

__all__ = (
    "after_setup_logger",
    "after_setup_task_logger",
    "after_task_publish",
    "beat_embedded_init",
    "beat_init",
    "before_task_publish",
    "celeryd_after_setup",
    "celeryd_init",
    "eventlet_pool_apply",
    "eventlet_pool_postshutdown",
    "eventlet_pool_preshutdown",
    "eventlet_pool_started",
    "heartbeat_sent",
    "import_modules",
    "setup_logging",
    "task_failure",
    "task_internal_error",
    "task_postrun",
    "task_prerun",
    "task_received",
    "task_rejected",
    "task_retry",
    "task_revoked",
    "task_sent",
    "task_success",
    "task_unknown",
    "user_preload_options",
    "worker_before_create_process",
    "worker_init",
    "worker_process_init",
    "worker_process_shutdown",
    "worker_ready",
    "worker_shutdown",
    "worker_shutting_down",
)


def _signal(name: str, *arguments: str) -> Signal:
    return Signal(arguments, name=name)


# -- where a task is called; the sender is its name --

#: `headers` and `properties` may be changed in place, before anything is written.
before_task_publish = _signal(
    "before_task_publish",
    "body",
    "exchange",
    "routing_key",
    "headers",
    "properties",
    "declare",
    "retry_policy",
)
after_task_publish = _signal("after_task_publish", "body", "exchange", "routing_key", "headers")
#: The old form of `after_task_publish`.
task_sent = _signal("task_sent", "task_id", "task", "args", "kwargs", "eta", "taskset")

# -- around the run of a task; the sender is the task --

task_prerun = _signal("task_prerun", "task_id", "task", "args", "kwargs")
task_postrun = _signal("task_postrun", "task_id", "task", "args", "kwargs", "retval", "state")
task_success = _signal("task_success", "result", "runtime")
task_retry = _signal("task_retry", "request", "reason", "einfo")
task_failure = _signal(
    "task_failure", "task_id", "exception", "args", "kwargs", "traceback", "einfo"
)
#: An error of ours around the run, not of the task.
task_internal_error = _signal(
    "task_internal_error",
    "task_id",
    "args",
    "kwargs",
    "request",
    "exception",
    "traceback",
    "einfo",
)
task_revoked = _signal("task_revoked", "request", "terminated", "signum", "expired")

# -- in the worker's own process; the sender is the consumer --

task_received = _signal("task_received", "request")
task_rejected = _signal("task_rejected", "message", "exc")
task_unknown = _signal("task_unknown", "message", "exc", "name", "id")

# -- the life of a worker --

#: First of all; the sender is the node's name.
celeryd_init = _signal("celeryd_init", "instance", "conf", "options")
celeryd_after_setup = _signal("celeryd_after_setup", "instance", "conf")
#: The sender is the application.
import_modules = _signal("import_modules")
worker_init = _signal("worker_init")
worker_before_create_process = _signal("worker_before_create_process")
#: In each new child process of ``prefork``.
worker_process_init = _signal("worker_process_init")
worker_process_shutdown = _signal("worker_process_shutdown", "pid", "exitcode")
worker_ready = _signal("worker_ready")
#: A stop was asked for; the sender is the node's name.
worker_shutting_down = _signal("worker_shutting_down", "sig", "how", "exitcode")
worker_shutdown = _signal("worker_shutdown")
heartbeat_sent = _signal("heartbeat_sent")

# -- the log; whoever connects to the first sets it up instead of us --

setup_logging = _signal("setup_logging", "loglevel", "logfile", "format", "colorize")
after_setup_logger = _signal(
    "after_setup_logger", "logger", "loglevel", "logfile", "format", "colorize"
)
after_setup_task_logger = _signal(
    "after_setup_task_logger", "logger", "loglevel", "logfile", "format", "colorize"
)

# -- beat; the sender is its service --

beat_init = _signal("beat_init")
beat_embedded_init = _signal("beat_embedded_init")

# -- of pools that are not here --


class _NeverSent(Signal):
    """A signal that somebody may connect to and nothing sends."""

    def connect(self, receiver: Any = None, **options: Any) -> Any:
        """As `Signal.connect`, with a word of warning."""
        if receiver is not None:
            logger.warning(
                "the signal %s is never sent: there is no pool of eventlet or gevent here; "
                "worker_process_init is sent in each process of prefork",
                self.name,
            )
        return super().connect(receiver, **options)


eventlet_pool_started = _NeverSent(name="eventlet_pool_started")
eventlet_pool_preshutdown = _NeverSent(name="eventlet_pool_preshutdown")
eventlet_pool_postshutdown = _NeverSent(name="eventlet_pool_postshutdown")
eventlet_pool_apply = _NeverSent(("target", "args", "kwargs"), name="eventlet_pool_apply")

# -- the command line --

user_preload_options = _signal("user_preload_options", "app", "options")
