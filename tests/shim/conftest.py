"""Applications with a worker in this process."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
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
def start_hearing() -> Iterator[Callable[..., Worker]]:
    """Starts workers of any application, each when it hears commands; `patience` s are given to
    what it runs at the end of the test.
    """
    started: list[tuple[Worker, float]] = []

    def start(app: Celery, *, patience: float = 10, **options: Any) -> Worker:
        worker, ready = make_worker(app, **options), threading.Event()
        worker.on("ready", ready.set)
        started.append((worker.start(), patience))
        assert ready.wait(30)
        return worker

    yield start
    for worker, patience in started:
        worker.stop(timeout=patience)


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


@pytest.fixture
def start_command(redis_url, queue_name, tmp_path):
    """Starts ``bullrush worker`` as a process of its own."""
    started = []
    (tmp_path / "project.py").write_text(
        "from bullrush import Celery\n"
        f"app = Celery('project', broker={redis_url!r})\n"
        f"app.conf.task_default_queue = {queue_name!r}\n"
        "@app.task(name='send')\n"
        "def send(): pass\n"
    )

    def start(*words, broker=redis_url):
        command = [sys.executable, "-m", "bullrush", "-A", "project", "-b", broker, "worker"]
        started.append(
            subprocess.Popen(
                [*command, "-P", "threads", *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True
            )
        )
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


@pytest.fixture
def make(tmp_path: Path, queue_name: str) -> Iterator[Callable[..., Celery]]:
    """Makes applications that share a spool and a prefix, with the task `note`,
    whose arguments are in `ran`.
    """
    made: list[Celery] = []

    def make(url: str, **settings: Any) -> Celery:
        app = Celery("proj", broker=url, set_as_current=False, bullrush_prefix=queue_name)
        app.conf.update(
            spool_path=str(tmp_path / "spool.sqlite3"),
            **{"task_publish_retry": False, "on_broker_down": "spool", **settings},
        )

        ran: list[Any] = []

        @app.task(name="note")
        def note(value: Any) -> Any:
            ran.append(value)
            return value

        app.ran = ran  # type: ignore[attr-defined]
        made.append(app)
        return app

    yield make
    for app in made:
        app.close()
