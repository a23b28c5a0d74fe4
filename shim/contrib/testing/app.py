"""Applications for tests: in memory, with nothing of the project's configuration."""

from __future__ import annotations

import copy
import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ... import _state
from ...app.base import Celery

#: Settings of `TestApp`. Each application has a memory of its own.
DEFAULT_TEST_CONFIG: dict[str, Any] = {
    "worker_hijack_root_logger": False,
    "worker_log_color": False,
    "accept_content": {"json"},
    "enable_utc": True,
    "timezone": "UTC",
    "broker_url": "memory://",
    "result_backend": "cache+memory://",
    "broker_heartbeat": 0,
}


class Trap:
    """Stands for the current application in tests that must not depend on one."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("Test depends on current_app")


class UnitLogging:
    """Nothing is set up: a test's log stays as pytest has it."""

    already_setup = True

    def __init__(self, app: Celery) -> None:
        self.app = app

    def setup(self, *args: Any, **kwargs: Any) -> None:
        """Nothing."""

    def __getattr__(self, name: str) -> Any:
        return getattr(logging.getLogger("celery.task"), name)


def TestApp(
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    enable_logging: bool = False,
    set_as_current: bool = False,
    log: Any = None,
    backend: str | None = None,
    broker: str | None = None,
    **kwargs: Any,
) -> Celery:
    """An application for a test.

    Args:
        name: its ``main``.
        config: settings that are added to `DEFAULT_TEST_CONFIG`.
        enable_logging: whether its workers set up logging.
        broker, backend: where its jobs are; else a memory that nobody else sees.
    """
    settings = {**copy.deepcopy(DEFAULT_TEST_CONFIG), **(config or {})}
    if settings["broker_url"] == "memory://":
        settings["broker_url"] = f"memory://{uuid.uuid4().hex}"
    if broker is not None:
        settings.pop("broker_url")
    if backend is not None:
        settings.pop("result_backend")
    app = Celery(
        name or "celery.tests",
        set_as_current=set_as_current,
        log=log if enable_logging or log is not None else UnitLogging,
        broker=broker,
        backend=backend,
        **kwargs,
    )
    app.conf.update(settings)
    return app


TestApp.__test__ = False  # type: ignore[attr-defined]  # pytest is not to collect it


@contextmanager
def set_trap(app: Celery) -> Iterator[None]:
    """While the block runs, who asks for the current application gets a RuntimeError."""
    with _state.replaced_current(Trap()):
        yield


@contextmanager
def setup_default_app(app: Celery, use_trap: bool = False) -> Iterator[None]:
    """Make it the application of this test alone; with `use_trap` nobody finds it by asking for
    the current one.
    """
    with _state.replaced_current(Trap() if use_trap else app):
        yield
