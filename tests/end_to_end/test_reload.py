"""``bullrush worker --reload``, as a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from bullrush import Celery
from bullrush.cli.main import cli
from bullrush.core.errors import InvalidOption
from tests.support.waiting import wait_until

CODE = """
import pathlib
from bullrush import Celery

app = Celery("project", broker={broker!r})
app.conf.task_default_queue = {queue!r}

@app.task(name="answer")
def answer():
    return {answer!r}

@app.task(name="wait")
def wait(path):
    import time
    while not pathlib.Path(path).exists():
        time.sleep(0.02)  # The work itself, until the test lets it end.
    return {answer!r}
"""


@pytest.fixture
def project(redis_url, queue_name, tmp_path):
    """Writes the project with another answer."""

    def write(answer):
        code = CODE.format(broker=redis_url, queue=queue_name, answer=answer)
        (tmp_path / "project.py").write_text(code)

    write("first")
    return write


@pytest.fixture
def app(redis_url, queue_name):
    """Whoever calls its tasks."""
    with Celery("caller", broker=redis_url, set_as_current=False) as app:
        app.conf.task_default_queue = queue_name
        yield app


@pytest.fixture(params=["threads", "prefork"])
def worker(request, project, tmp_path):
    """The command in the project's folder; children of prefork have loaded the project as well."""
    command = [sys.executable, "-m", "bullrush", "-A", "project", "worker", "--reload"]
    process = subprocess.Popen(
        [*command, "-P", request.param, "-c", "2"], cwd=tmp_path, stdin=subprocess.DEVNULL
    )
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_a_change_starts_new_code_after_running_tasks_have_ended(app, project, worker, tmp_path):
    go = tmp_path / "go"
    assert app.send_task("answer").get(timeout=30) == "first"
    waits = app.send_task("wait", (str(go),))
    queue = app.queue(app.conf.task_default_queue)
    wait_until(lambda: queue.get_state(waits.id) == "active", 30)
    project("second")
    later = app.send_task("answer")
    go.touch()
    assert waits.get(timeout=30) == "first"
    assert later.get(timeout=30) in ("first", "second")
    wait_until(lambda: app.send_task("answer").get(timeout=30) == "second", 30)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0


def test_code_that_cannot_be_imported_is_waited_for(app, project, worker, tmp_path):
    assert app.send_task("answer").get(timeout=30) == "first"
    (tmp_path / "project.py").write_text("this is no Python")
    pending = app.send_task("answer")
    project("third")
    wait_until(lambda: app.send_task("answer").get(timeout=30) == "third", 30)
    assert pending.get(timeout=30) in ("first", "third")


def test_without_the_library_the_command_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    result = CliRunner().invoke(cli, ["-A", "tests.support.tasks_app", "worker", "--reload"])
    assert isinstance(result.exception, InvalidOption)
    assert 'pip install "bullrush[reload]"' in str(result.exception)
