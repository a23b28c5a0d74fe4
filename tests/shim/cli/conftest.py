"""Command lines, in this process and in others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from bullrush.core import Queue

PROJECT = """
import os, time
from bullrush import Celery

app = Celery("proj", broker=os.environ.get("BROKER"))
app.conf.task_default_queue = os.environ["QUEUE"]
app.conf.bullrush_prefix = os.environ.get("PREFIX")
if os.environ.get("EVERY"):
    app.conf.beat_schedule = {
        "often": {"task": "who", "schedule": float(os.environ["EVERY"]), "args": (0,)}
    }

@app.task(name="who")
def who(seconds=0.0):
    time.sleep(seconds)  # What the task is for.
    return os.getpid()

@app.task(name="grow")
def grow(megabytes):
    who.kept = b"x" * (megabytes << 20)
    return os.getpid()
"""


class Commands:
    """Runs ``bullrush -A proj ...`` in a folder that has such a module."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self._stack = ExitStack()

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """Start one; it is ended with the test."""
        process = subprocess.Popen(
            [sys.executable, "-m", "bullrush", "-A", "proj", *words],
            cwd=self.folder,
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._stack.callback(end, process)
        return process

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one to its end."""
        return subprocess.run(
            [sys.executable, "-m", "bullrush", "-A", "proj", *words],
            cwd=self.folder,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=100,
        )

    def close(self) -> None:
        """End what still runs."""
        self._stack.close()


def end(process: subprocess.Popen[str]) -> None:
    """As a person would, and then by force."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(45)
    if process.poll() is None:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def until(process: subprocess.Popen[str], words: str) -> str:
    """Read what it says up to a line with those words."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return "".join(lines)
    raise AssertionError(f"it ended without saying {words!r}:\n{''.join(lines)}")


@pytest.fixture
def queue(redis_url: str, queue_name: str) -> Iterator[Queue]:
    """The queue of the project."""
    with Queue(queue_name, url=redis_url) as queue:
        yield queue


@pytest.fixture
def commands(tmp_path: Path, redis_url: str, queue_name: str) -> Iterator[Commands]:
    """Command lines of a project."""
    (tmp_path / "proj.py").write_text(textwrap.dedent(PROJECT))
    variables = {"BROKER": redis_url, "QUEUE": queue_name, "PYTHONUNBUFFERED": "1"}
    commands = Commands(tmp_path, {**os.environ, **variables})
    yield commands
    commands.close()
