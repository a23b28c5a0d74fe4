"""Fixtures under Celery's names: ``pytest_plugins = ("bullrush.contrib.pytest",)``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from ..app.base import Celery
from ..app.task import Task
from .testing.app import TestApp, setup_default_app
from .testing.worker import TestWorkController, start_worker


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "celery(**overrides): settings of the application of this test"
    )


@contextmanager
def _created_app(
    request: pytest.FixtureRequest,
    enable_logging: bool = False,
    use_trap: bool = False,
    parameters: Mapping[str, Any] | None = None,
    **config: Any,
) -> Iterator[Celery]:
    """An application that is the current one; the settings of the test's marker win."""
    for marker in request.node.iter_markers("celery") if hasattr(request, "function") else ():
        config = {**config, **marker.kwargs}
    app = TestApp(
        set_as_current=False, enable_logging=enable_logging, config=config, **(parameters or {})
    )
    with setup_default_app(app, use_trap=use_trap):
        yield app
    app.close()


@pytest.fixture(scope="session")
def use_celery_app_trap() -> bool:
    """Override it with True: a test that asks for the current application fails."""
    return False


@pytest.fixture(scope="session")
def celery_enable_logging() -> bool:
    """Override it with True: workers set up logging."""
    return False


@pytest.fixture(scope="session")
def celery_includes() -> Sequence[str]:
    """Override it with the modules that `celery_session_worker` imports."""
    return ()


@pytest.fixture(scope="session")
def celery_worker_pool() -> str:
    """Override it with another pool."""
    return "solo"


@pytest.fixture(scope="session")
def celery_config() -> Mapping[str, Any]:
    """Override it with settings for the applications."""
    return {}


@pytest.fixture(scope="session")
def celery_parameters() -> Mapping[str, Any]:
    """Override it with arguments of the applications' constructor."""
    return {}


@pytest.fixture(scope="session")
def celery_worker_parameters() -> Mapping[str, Any]:
    """Override it with arguments of `start_worker`, such as ``{"queues": ("high",)}``."""
    return {}


@pytest.fixture(scope="session")
def celery_session_app(
    request: pytest.FixtureRequest,
    celery_config: Mapping[str, Any],
    celery_parameters: Mapping[str, Any],
    celery_enable_logging: bool,
    use_celery_app_trap: bool,
) -> Iterator[Celery]:
    """One application for the whole session."""
    with _created_app(
        request,
        enable_logging=celery_enable_logging,
        use_trap=use_celery_app_trap,
        parameters=celery_parameters,
        **celery_config,
    ) as app:
        if not use_celery_app_trap:
            app.set_default()
            app.set_current()
        yield app


@pytest.fixture(scope="session")
def celery_class_tasks() -> list[type[Task]]:
    """Override it with class-based tasks that `celery_session_worker` registers."""
    return []


@pytest.fixture(scope="session")
def celery_session_worker(
    request: pytest.FixtureRequest,
    celery_session_app: Celery,
    celery_includes: Sequence[str],
    celery_class_tasks: Sequence[type[Task]],
    celery_worker_pool: str,
    celery_worker_parameters: Mapping[str, Any],
) -> Iterator[TestWorkController]:
    """One worker for the whole session."""
    for module in celery_includes:
        celery_session_app.loader.import_task_module(module)
    for each in celery_class_tasks:
        celery_session_app.register_task(each)
    with start_worker(
        celery_session_app, pool=celery_worker_pool, **celery_worker_parameters
    ) as worker:
        yield worker


@pytest.fixture
def celery_app(
    request: pytest.FixtureRequest,
    celery_config: Mapping[str, Any],
    celery_parameters: Mapping[str, Any],
    celery_enable_logging: bool,
    use_celery_app_trap: bool,
) -> Iterator[Celery]:
    """An application for one test."""
    with _created_app(
        request,
        enable_logging=celery_enable_logging,
        use_trap=use_celery_app_trap,
        parameters=celery_parameters,
        **celery_config,
    ) as app:
        yield app


@pytest.fixture
def celery_worker(
    request: pytest.FixtureRequest,
    celery_app: Celery,
    celery_includes: Sequence[str],
    celery_worker_pool: str,
    celery_worker_parameters: Mapping[str, Any],
) -> Iterator[TestWorkController]:
    """A worker for one test."""
    for module in celery_includes:
        celery_app.loader.import_task_module(module)
    with start_worker(celery_app, pool=celery_worker_pool, **celery_worker_parameters) as worker:
        yield worker


@pytest.fixture
def depends_on_current_app(celery_app: Celery) -> None:
    """The application of the test is the current one, though a trap is set."""
    celery_app.set_current()
