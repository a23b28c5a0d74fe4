"""How the worker command ends: warm, soft and cold, alone or with its whole group."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from bullrush import Celery, signals
from bullrush.exceptions import WorkerShutdown, WorkerTerminate
from bullrush.worker import make_node
from tests.support.waiting import wait_until

PATIENCE = 30.0
MODULE = """
import pathlib, time
from bullrush import Celery

app = Celery("ending", broker={broker!r}, set_as_current=False)
app.conf.task_default_queue = {queue!r}


@app.task(name="hold")
def hold():
    pathlib.Path("began").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.01)  # The work itself, until the test lets it end.
    return "held"
"""


class Running:
    """The worker command with one task that runs until it is let go."""

    def __init__(self, folder, app, environment, options):
        self.folder, self.app = folder, app
        self.result = app.send_task("hold")
        self.log = folder / "log"
        command = [sys.executable, "-m", "bullrush", "-A", "ending", "worker", "-c", "1"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "-l", "INFO", *options],
                cwd=folder,
                env={**os.environ, **environment, "PYTHONPATH": str(folder)},
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        wait_until((folder / "began").exists, timeout=PATIENCE)

    def signal(self, number, *, group=False):
        """Send a signal to it, or to all its processes."""
        (os.killpg if group else os.kill)(self.process.pid, number)

    def says(self, text):
        """Wait for a word in its log."""
        wait_until(lambda: text in self.log.read_text(), timeout=PATIENCE)

    def let_go(self):
        """Let the task end."""
        (self.folder / "go").touch()

    def ends(self):
        """(exit code, state of the task)."""
        return self.process.wait(PATIENCE), self.result.state


@pytest.fixture
def run(tmp_path, redis_url, queue_name):
    """Starts the command."""
    (tmp_path / "ending.py").write_text(MODULE.format(broker=redis_url, queue=queue_name))
    made = []
    with Celery("client", broker=redis_url, set_as_current=False) as app:
        app.conf.task_default_queue = queue_name

        def run(*options, **environment):
            made.append(Running(tmp_path, app, environment, options))
            return made[-1]

        yield run
        for each in made:
            each.let_go()
            if each.process.poll() is None:
                each.signal(signal.SIGKILL, group=True)
                each.process.wait()


@pytest.mark.parametrize("method", ["forkserver", "spawn", "fork"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_group_lets_children_end_their_tasks(run, number, method):
    worker = run("-P", "prefork", "--start-method", method)

    worker.signal(number, group=True)
    worker.says("running jobs end first")
    worker.let_go()

    assert worker.ends() == (int(number == signal.SIGINT), "SUCCESS")


def test_a_warm_end_has_no_limit_whatever_the_soft_one_is(run):
    worker = run("-P", "threads", "worker_soft_shutdown_timeout=0.01")

    worker.signal(signal.SIGTERM)
    worker.says("running jobs end first")
    worker.let_go()

    assert worker.ends() == (0, "SUCCESS")


def test_a_soft_end_lets_tasks_end_in_time(run):
    worker = run("-P", "prefork", "worker_soft_shutdown_timeout=600")

    worker.signal(signal.SIGQUIT, group=True)
    worker.says("Initiating Soft Shutdown, terminating in 600")
    worker.let_go()

    assert worker.ends() == (0, "SUCCESS")


def test_a_soft_end_hands_back_what_takes_longer(run):
    worker = run("-P", "prefork", "worker_soft_shutdown_timeout=0.1")

    worker.signal(signal.SIGQUIT)

    assert worker.ends() == (0, "PENDING")
    assert "Initiating Soft Shutdown" in worker.log.read_text()


def test_a_second_signal_is_soft_and_a_third_ends_at_once(run):
    worker = run("-P", "threads", "worker_soft_shutdown_timeout=600")

    worker.signal(signal.SIGINT)
    worker.says("running jobs end first")
    worker.signal(signal.SIGINT)
    worker.says("Initiating Soft Shutdown")
    worker.signal(signal.SIGINT)

    assert worker.ends() == (1, "PENDING")


def test_sigterm_again_is_as_warm_as_the_first_and_so_is_the_first_interrupt(run):
    worker = run("-P", "threads")

    worker.signal(signal.SIGTERM)
    worker.says("running jobs end first")
    for number in (signal.SIGTERM, signal.SIGINT):
        worker.signal(number)
        worker.says(f"stopping: {number.name}, running jobs end first")
    worker.let_go()

    assert worker.ends() == (0, "SUCCESS")


def test_a_second_interrupt_hands_back_whatever_came_before(run):
    worker = run("-P", "threads")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        worker.signal(number)
        worker.says(f": {number.name}, running jobs")

    assert worker.ends() == (1, "PENDING")


def test_a_child_that_alone_is_told_to_end_does_and_its_task_is_lost(run):
    worker = run("-P", "prefork")
    (child,) = worker.app.control.inspect(timeout=PATIENCE, limit=1).active().popitem()[1]

    os.kill(child["worker_pid"], signal.SIGTERM)
    worker.says("died: signal 15 (SIGTERM)")
    worker.let_go()

    assert worker.result.get(timeout=PATIENCE) == "held"  # by the next child


def test_without_a_soft_time_a_cold_end_is_at_once(run):
    worker = run("-P", "threads")

    worker.signal(signal.SIGQUIT)

    assert worker.ends() == (0, "PENDING")
    assert "Soft" not in worker.log.read_text()


def test_sigterm_means_cold_when_the_environment_says_so(run):
    worker = run("-P", "threads", REMAP_SIGTERM="SIGQUIT")

    worker.signal(signal.SIGTERM)

    assert worker.ends() == (0, "PENDING")
    assert "stopping at once: SIGTERM" in worker.log.read_text()


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_sighup_has_a_worker_start_anew_when_running_tasks_have_ended(run, pool):
    worker = run("-P", pool, "--pidfile", "worker.pid")

    worker.signal(signal.SIGHUP)
    worker.says("stopping: SIGHUP")
    worker.let_go()

    assert worker.result.get(timeout=PATIENCE) == "held"
    worker.says("Restarting the worker (bullrush -A ending worker -c 1")
    wait_until(lambda: worker.log.read_text().count("ready.") == 2, timeout=PATIENCE)
    assert (worker.folder / "worker.pid").read_text().strip() == str(worker.process.pid)
    assert worker.app.send_task("hold").get(timeout=PATIENCE) == "held"
    worker.signal(signal.SIGTERM)
    assert worker.ends()[0] == 0


def test_a_worker_that_was_told_to_stop_does_not_start_anew(run):
    worker = run("-P", "threads")

    worker.signal(signal.SIGHUP)
    worker.says("stopping: SIGHUP")
    worker.signal(signal.SIGTERM)
    worker.says("stopping: SIGTERM")
    worker.let_go()

    assert worker.ends() == (0, "SUCCESS")
    assert "Restarting" not in worker.log.read_text()


def test_sigusr1_says_where_the_threads_are(run):
    worker = run("-P", "threads", CELERY_RDBSIG="1")

    worker.signal(signal.SIGUSR1)

    worker.says("in hold")
    worker.let_go()
    worker.signal(signal.SIGTERM)
    assert worker.ends() == (0, "SUCCESS")
    assert "CELERY_RDBSIG has no effect" in worker.log.read_text()


def test_no_other_signal_can_stand_for_sigterm(app, monkeypatch):
    monkeypatch.setenv("REMAP_SIGTERM", "SIGHUP")

    with pytest.raises(ValueError, match="REMAP_SIGTERM is SIGQUIT or nothing, not 'SIGHUP'"):
        make_node(app)


@pytest.mark.parametrize("name", ["worker_ready", "heartbeat_sent", "task_received"])
def test_a_receiver_may_stop_the_worker(app, name, monkeypatch):
    app.task(name="noop")(int)

    def stop(**_):
        raise WorkerShutdown(3)

    told = getattr(signals, name)
    monkeypatch.setattr(told, "receivers", ())
    told.connect(stop, weak=False)
    node = make_node(app, pool="threads", concurrency=1)
    result = app.send_task("noop")
    thread = threading.Thread(target=node.worker.run)
    thread.start()
    thread.join(PATIENCE)

    assert not thread.is_alive()
    assert node.exitcode == 3
    assert result.state in ("SUCCESS", "PENDING")


def test_a_receiver_may_have_running_tasks_handed_back(app, monkeypatch):
    began, gate = threading.Event(), threading.Event()

    @app.task(name="hold")
    def hold():
        began.set()
        gate.wait(PATIENCE)

    def end(**_):
        if began.wait(PATIENCE):
            raise WorkerTerminate(4)

    monkeypatch.setattr(signals.heartbeat_sent, "receivers", ())
    signals.heartbeat_sent.connect(end, weak=False)
    node = make_node(app, pool="threads", concurrency=1)
    result = app.send_task("hold")
    thread = threading.Thread(target=node.worker.run)
    thread.start()
    thread.join(PATIENCE)
    gate.set()

    assert not thread.is_alive()
    assert (node.exitcode, result.state) == (4, "PENDING")
