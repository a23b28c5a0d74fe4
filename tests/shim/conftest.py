"""Applications with a worker in this process."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bullrush import Celery, Task
from bullrush.core.worker import Worker
from bullrush.worker import make_worker


@pytest.fixture(params=["redis", "memory"])
def broker(request: pytest.FixtureRequest) -> str:
    """Where the jobs are."""
    if request.param == "redis":
        return str(request.getfixturevalue("redis_url"))
    return f"memory://{uuid.uuid4().hex}"


@pytest.fixture
def app(broker: str, queue_name: str) -> Iterator[Celery]:
    """An application with a default queue of its own."""
    with Celery("proj", broker=broker, set_as_current=False) as app:
        app.conf.task_default_queue = queue_name
        yield app


@pytest.fixture
def start(app: Celery) -> Iterator[Callable[..., Worker]]:
    """Starts workers of the application; all are stopped at the end."""
    started: list[Worker] = []

    def start(*queues: str, **options: Any) -> Worker:
        worker = make_worker(app, queues, **{"concurrency": 2, **options})
        started.append(worker)
        return worker.start()

    yield start
    for worker in started:
        worker.stop(timeout=10)


@pytest.fixture
def echo(app: Celery) -> Task:
    """A task that gives its argument back."""

    @app.task(name="echo")
    def echo(value: Any = None) -> Any:
        return value

    return echo  # type: ignore[no-any-return]


@pytest.fixture
def fail(app: Celery) -> Task:
    """A task that raises ValueError with its arguments."""

    @app.task(name="fail")
    def fail(*args: Any) -> None:
        raise ValueError(*args)

    return fail  # type: ignore[no-any-return]
