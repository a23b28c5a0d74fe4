"""Two sides, each with a worker and a process that answers scenarios."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).with_name("project")
ALIAS = "import bullrush; bullrush.install_as_celery(); "


class Side:
    """Celery itself, or bullrush under its name.

    Args:
        start: what a process runs first.
        worker: arguments of the interpreter for the worker's command.
    """

    def __init__(self, start: str, worker: list[str], redis_url: str, log: Path) -> None:
        self._log = log.open("wb")
        self._asked = 0
        self.path = log
        environment = {
            **os.environ,
            "ORACLE_REDIS": redis_url,
            # Other tests ask which workers are up.
            "BULLRUSH_PREFIX": "oracle",
            "ORACLE_QUEUE": f"oracle-{uuid.uuid4().hex[:8]}",
            "PYTHONPATH": str(PROJECT),
        }
        drive = f"{start}import runpy; runpy.run_path('drive.py', run_name='__main__')"
        shared: dict[str, Any] = {"cwd": PROJECT, "env": environment, "stderr": self._log}
        options = ["-A", "tasks", "worker", "-c", "1", "-P", "prefork", "-l", "INFO"]
        self._worker = subprocess.Popen(
            [sys.executable, *worker, *options], stdout=self._log, **shared
        )
        self._driver = subprocess.Popen(
            [sys.executable, "-c", drive],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **shared,
        )

    def ask(self, name: str, *arguments: Any) -> Any:
        """What the scenario says."""
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        self._asked += 1
        self._driver.stdin.write(json.dumps([self._asked, name, arguments]) + "\n")
        self._driver.stdin.flush()
        number = 0
        # A test that ran out of time has left its answer behind.
        while number != self._asked:
            line = self._driver.stdout.readline()
            assert line, f"the process ended:\n{self.path.read_text()[-3000:]}"
            number, answer = json.loads(line)
        return answer

    def close(self) -> None:
        """End both processes."""
        for process in (self._driver, self._worker):
            process.terminate()
        for process in (self._driver, self._worker):
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pipe in (self._driver.stdin, self._driver.stdout, self._log):
            if pipe is not None:
                pipe.close()


@pytest.fixture(scope="session")
def celery_side(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """The real Celery."""
    log = tmp_path_factory.mktemp("celery") / "log"
    side = Side("", ["-m", "celery"], redis_url, log)
    yield side
    side.close()


@pytest.fixture(scope="session")
def our_side(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """The same project on bullrush."""
    log = tmp_path_factory.mktemp("bullrush") / "log"
    side = Side(ALIAS, ["-m", "bullrush", "--as-celery"], redis_url, log)
    yield side
    side.close()
