"""The signals in docs/celery-compatibility.md."""

from __future__ import annotations

from . import signals
from .compatibility import ACCEPTED, WORKS, Row

_TESTS = "tests/shim/test_signals.py"
_LOGGING = "tests/shim/test_logging.py"
_NEVER = "never sent: there is no eventlet pool; connecting says so in the log"
_IN = {
    "setup_logging": _LOGGING,
    "after_setup_logger": _LOGGING,
    "after_setup_task_logger": _LOGGING,
    "beat_init": "tests/shim/beat/test_services.py",
    "beat_embedded_init": "tests/shim/beat/test_services.py",
}
_NOTES = {
    "heartbeat_sent": "every 10 s",
    "task_revoked": "of an expired task: in the process that would have run it",
    "task_unknown": "the job also fails with NotRegistered",
    "worker_process_init": "may take as long as it likes",
}
SIGNALS = tuple(
    Row(name, ACCEPTED, _NEVER)
    if name.startswith("eventlet_")
    else Row(name, WORKS, _NOTES.get(name, ""), _IN.get(name, _TESTS))
    for name in sorted(signals.__all__)
)
