"""Programs that run in processes of their own, with or without a worker."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from bullrush import Celery
from tests.support.waiting import wait_until

PROJECTS = Path(__file__).resolve().parents[1] / "projects"


@pytest.fixture
def run_python() -> Callable[..., str]:
    """Runs code in a new interpreter and gives what it printed."""

    def run(code: str, *arguments: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error::ImportWarning", "-c", code, *arguments],
            capture_output=True,
            text=True,
            timeout=50,
            env={**os.environ, **environment},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


class Project:
    """One of the projects, with the commands that its owners type.

    Args:
        app: what ``-A`` takes.
    """

    def __init__(self, name: str, app: str, redis_url: str, queue: str) -> None:
        self.folder, self.app, self.queue = PROJECTS / name, app, queue
        self.environment = {
            **os.environ,
            "PROJECT_REDIS": redis_url,
            "PROJECT_QUEUE": queue,
            "PYTHONPATH": str(self.folder),
        }
        self._watcher = Celery("watcher", broker=redis_url, set_as_current=False)
        self._watcher.conf.task_default_queue = queue

    @contextmanager
    def running(self, *command: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """The project's worker, or its beat, as a process until the block ends."""
        line = [sys.executable, "-m", "bullrush", "--as-celery", "-A", self.app, *command]
        with log.open("wb") as out:
            process = subprocess.Popen(
                line, cwd=self.folder, env=self.environment, stdout=out, stderr=out
            )
            try:
                yield process
            finally:
                process.terminate()
                process.wait(timeout=20)

    @contextmanager
    def worker(self, *options: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """A worker that is ready."""
        with self.running("worker", *options, log=log) as process:
            queue = self._watcher.queue(self.queue)
            wait_until(lambda: queue.get_workers() or process.poll() is not None, 30)
            assert process.poll() is None, log.read_text()
            yield process

    def use(self, script: str = "use.py") -> list[str]:
        """What the project's own program prints, which imports ``celery``."""
        return self._run(script)

    def manage(self, *words: str) -> list[str]:
        """What Django's command prints."""
        return self._run("manage.py", *words)

    def _run(self, script: str, *words: str) -> list[str]:
        code = (
            "import runpy, sys, bullrush; bullrush.install_as_celery(); sys.path.insert(0, '');"
            f"runpy.run_path({script!r}, run_name='__main__')"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=50,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()

    def close(self) -> None:
        """Close the watcher's connections."""
        self._watcher.close()


@pytest.fixture
def project(redis_url: str, queue_name: str) -> Iterator[Callable[[str, str], Project]]:
    """Opens one of the projects, with a queue that no other test uses."""
    with ExitStack() as opened:

        def open_project(name: str, app: str) -> Project:
            project = Project(name, app, redis_url, queue_name)
            opened.callback(project.close)
            return project

        yield open_project
