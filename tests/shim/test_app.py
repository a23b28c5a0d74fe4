"""Settings, discovery and the command line."""

from __future__ import annotations

import datetime
import logging
import os
import signal
import subprocess
import sys
import types

import pytest

from bullrush import Celery
from bullrush.exceptions import ImproperlyConfigured

MODULE = """
from bullrush import Celery

app = Celery("proj", broker={broker!r})
app.conf.task_default_queue = {queue!r}

@app.task
def add(x, y):
    return x + y
"""


@pytest.fixture
def bare():
    """An application that connects to nothing."""
    with Celery("bare", set_as_current=False) as app:
        yield app


def test_settings_have_celerys_defaults(bare):
    assert bare.conf.task_default_queue == "celery"
    assert bare.conf["task_always_eager"] is False
    assert bare.conf.result_expires == datetime.timedelta(days=1)


def test_old_upper_case_names_are_understood(bare):
    bare.config_from_object({"CELERY_DEFAULT_QUEUE": "old", "BROKER_URL": "memory://a"})
    assert (bare.conf.task_default_queue, bare.conf.broker_url) == ("old", "memory://a")
    assert bare.conf.CELERY_DEFAULT_QUEUE == "old"


def test_a_namespace_picks_its_settings(bare):
    settings = types.SimpleNamespace(
        CELERY_TASK_DEFAULT_QUEUE="mine", OTHER=1, CELERY_TIMEZONE="UTC"
    )
    bare.config_from_object(settings, namespace="CELERY")
    assert bare.conf.task_default_queue == "mine"


def test_an_unknown_setting_is_told_once_with_the_nearest(bare, caplog):
    with caplog.at_level(logging.WARNING):
        bare.conf.task_defualt_queue = "x"
        bare.conf.task_defualt_queue = "y"
    assert caplog.text.count("did you mean 'task_default_queue'") == 1


def test_settings_that_cannot_be_imported_are_refused(bare):
    bare.config_from_object("no.such.module")
    with pytest.raises(ModuleNotFoundError, match="'no'"):
        bare.conf.task_always_eager  # noqa: B018
    bare.config_from_object("no.such.module", silent=True)
    assert bare.conf.task_always_eager is False
    with pytest.raises(ImproperlyConfigured, match="NO_SUCH_VARIABLE"):
        bare.config_from_envvar("NO_SUCH_VARIABLE")


def test_tasks_of_packages_are_discovered(tmp_path, monkeypatch):
    package = tmp_path / "discovered_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "tasks.py").write_text(
        "from bullrush import shared_task\n\n@shared_task\ndef found():\n    return 1\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with Celery("discover", set_as_current=False) as app:
        app.autodiscover_tasks(["discovered_package"])
        assert "discovered_package.tasks.found" not in app.tasks
        app.loader.import_default_modules()
        assert "discovered_package.tasks.found" in app.tasks


@pytest.fixture
def project(tmp_path, redis_url, queue_name):
    """A folder with a module `proj`."""
    (tmp_path / "proj.py").write_text(MODULE.format(broker=redis_url, queue=queue_name))
    return tmp_path


def bullrush(folder, *arguments):
    """A run of the command line."""
    return subprocess.run(
        [sys.executable, "-m", "bullrush", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_worker_command_runs_tasks_until_a_signal(project, redis_url, queue_name, number):
    command = [
        sys.executable,
        "-m",
        "bullrush",
        "-A",
        "proj",
        "worker",
        "-c",
        "2",
        "-P",
        "threads",
        "-l",
        "INFO",
    ]
    with subprocess.Popen(
        command, cwd=project, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as worker:
        try:
            assert worker.stderr is not None
            lines = iter(worker.stderr.readline, "")
            assert any("initialized" in line for line in lines)
            with Celery("client", broker=redis_url, set_as_current=False) as client:
                client.conf.task_default_queue = queue_name
                assert client.send_task("proj.add", args=[2, 3]).get(timeout=10) == 5
            status = bullrush(project, "-A", "proj", "status")
            assert (status.returncode, "1 node online" in status.stdout) == (0, True)
            worker.send_signal(number)
            rest = worker.stderr.read()
            assert worker.wait(10) == (1 if number == signal.SIGINT else 0)
            assert "stopped" in rest
        finally:
            worker.kill()


def test_status_says_when_nobody_is_there(project):
    status = bullrush(project, "-A", "proj", "status")
    assert status.returncode == 69
    assert "No nodes replied" in status.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-A", "nothing", "worker"], "there is no module 'nothing'"),
        (["-A", "proj:nothing", "worker"], "has no 'nothing'"),
        (["-A", "os", "worker"], "no Celery application"),
        (["-A", "proj", "worker", "-P", "process"], "Invalid value"),
        (["-A", "proj", "-b", "http://x", "worker"], "another broker"),
        (["-A", "proj", "-b", "redis://:secret@127.0.0.1:1/0", "status"], "did not answer"),
    ],
)
def test_mistakes_on_the_command_line_are_one_clear_error(project, arguments, words):
    done = bullrush(project, *arguments)
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_the_version_is_told(project):
    assert bullrush(project, "--version").stdout.startswith("bullrush, version")
    assert os.path.exists(project)


def test_a_package_that_is_to_be_imported_itself_has_to_be_there(bare):
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        bare.autodiscover_tasks(["no_such_package"], related_name=None, force=True)
