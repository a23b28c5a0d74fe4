"""``bullrush beat`` and ``bullrush worker -B``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from click.testing import CliRunner

from bullrush.cli.main import cli
from bullrush.core import Queue
from bullrush.core.errors import InvalidOption
from tests.support.waiting import wait_until

PROJECT = """
import os
from bullrush import Celery
from bullrush.beat import Scheduler

app = Celery("clocks", broker=os.environ["BROKER"])
app.conf.task_default_queue = os.environ["QUEUE"]
app.conf.beat_schedule = {"often": {"task": "add", "schedule": 3600.0, "args": (1, 2)}}

@app.task(name="add")
def add(x, y):
    return x + y

class Loud(Scheduler):
    def setup_schedule(self):
        print("loud", flush=True)
"""


@pytest.fixture
def project(tmp_path, monkeypatch, redis_url, queue_name):
    """A project of one module, and the environment of its commands."""
    module = f"clocks_{queue_name.replace('-', '_')}"
    (tmp_path / f"{module}.py").write_text(textwrap.dedent(PROJECT))
    monkeypatch.setenv("BROKER", redis_url)
    monkeypatch.setenv("QUEUE", queue_name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return module


@pytest.fixture
def queue(redis_url, queue_name):
    with Queue(queue_name, url=redis_url) as queue:
        yield queue


def command(project, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "bullrush", "-A", project, *words],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_once_writes_the_schedule_and_ends(project, queue):
    result = CliRunner().invoke(cli, ["-A", project, "beat", "--once"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert [each.id for each in queue.get_job_schedulers()] == ["often"]


def test_once_fails_when_an_entry_needs_a_beat_that_runs(project):
    words = ["-A", project, "beat", "--once", "-S", "bullrush.beat:Scheduler"]
    result = CliRunner().invoke(cli, words)
    assert (result.exit_code, "often: needs a beat that runs" in result.output) == (1, True)


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["--uid", "1"], "add --detach"),
        (["--umask", "7"], "add --detach"),
        (["--detach", "--executable", "/nowhere/python"], "cannot run in the background"),
        (["--enable-remote-control"], "inspect ping"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_remedy(project, words, remedy):
    result = CliRunner().invoke(cli, ["-A", project, "beat", *words])
    assert isinstance(result.exception, InvalidOption)
    assert remedy in str(result.exception)


def test_a_detached_beat_goes_on_by_itself(project, queue, tmp_path):
    pidfile, logfile = tmp_path / "beat.pid", tmp_path / "beat.log"
    words = ["--detach", "--umask=022", "--pidfile", str(pidfile), "-f", str(logfile), "-l", "INFO"]
    with command(project, "beat", *words) as starter:
        output, _ = starter.communicate(timeout=30)
    assert starter.returncode == 0, output
    wait_until(queue.get_job_schedulers, timeout=30)
    pid = int(pidfile.read_text())
    assert pid != starter.pid
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not pidfile.exists())
    assert "beat: Starting..." in logfile.read_text()


def test_a_beat_runs_until_it_is_told_to_stop(project, queue, tmp_path):
    pidfile = tmp_path / "beat.pid"
    with command(project, "beat", "--pidfile", str(pidfile), "-l", "INFO") as beat:
        wait_until(queue.get_job_schedulers, timeout=30)
        assert int(pidfile.read_text()) == beat.pid
        second = CliRunner().invoke(cli, ["-A", project, "beat", "--pidfile", str(pidfile)])
        assert "runs already" in str(second.exception)
        beat.send_signal(signal.SIGTERM)
        output, _ = beat.communicate(timeout=30)
    assert beat.returncode == 0, output
    assert "bullrush beat" in output
    assert not pidfile.exists()


def test_a_scheduler_of_the_project_is_found(project):
    with command(project, "beat", "-S", f"{project}:Loud", "--max-interval", "1") as beat:
        assert any(line == "loud\n" for line in beat.stdout)
        beat.send_signal(signal.SIGINT)
        beat.communicate(timeout=30)
    assert beat.returncode == 0


def test_a_worker_may_be_a_beat_as_well(project, queue):
    with command(project, "worker", "-B", "-P", "threads", "-c", "1") as worker:
        wait_until(queue.get_job_schedulers, timeout=30)
        worker.send_signal(signal.SIGTERM)
        output, _ = worker.communicate(timeout=30)
    assert worker.returncode == 0, output


def test_the_options_of_a_beat_need_one(project):
    result = CliRunner().invoke(cli, ["-A", project, "worker", "--scheduler", "x:Y"])
    assert "add -B" in str(result.exception)
