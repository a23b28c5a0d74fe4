"""What a process does not load until it needs it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

LOADED = "; import sys; print(*(name for name in ('pydantic', 'flask') if name in sys.modules))"
TASK = """
from bullrush import Celery
app = Celery('weight', broker='memory://weight')

@app.task{options}
def add(x, y):
    return x + y

app.finalize()"""


def loaded_by(code: str, **variables: str) -> list[str]:
    """Which of the heavy libraries a fresh interpreter has loaded once it ran that code."""
    bare = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BULLRUSH_", "REDIS_", "QUEUE_", "EXECUTION_"))
    }
    done = subprocess.run(
        [sys.executable, "-c", code + LOADED],
        env=bare | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


CONNECTED = "from bullrush.core import Queue; Queue('weight', url='memory://weight').close()"
WORKER = "import bullrush.core.worker; from bullrush.core.environment import redis_url; redis_url()"


@pytest.mark.parametrize("code", [CONNECTED, WORKER, TASK.format(options="")])
def test_pydantic_is_not_loaded_by_those_who_have_no_models(code):
    assert loaded_by(code) == []


def test_a_url_of_the_environment_needs_no_checks_of_numbers():
    assert loaded_by(WORKER, BULLRUSH_REDIS_URL="redis://db", REDIS_URL="redis://db") == []


def test_numbers_of_the_environment_and_models_of_tasks_are_checked_by_it():
    assert loaded_by(WORKER, QUEUE_REDIS_PORT="6380") == ["pydantic"]
    assert loaded_by(TASK.format(options="(pydantic=True)")) == ["pydantic"]
