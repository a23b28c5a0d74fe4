"""``bullrush health`` and what a worker shows of itself, as commands."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from click.testing import CliRunner

from bullrush.cli.main import cli
from bullrush.core.clock import now_ms
from bullrush.core.drivers.server_binary import ServerProcess
from bullrush.probe import fast_path
from tests.support.waiting import wait_until


def says(app, *words, **more):
    """Carry out a command in this process."""
    return CliRunner().invoke(cli, list(words), obj=app, prog_name="bullrush", **more)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.mark.row(162)
@pytest.mark.parametrize(
    ("limit", "code", "words"),
    [
        ("waiting=2:3", 0, ["ok: Redis answers"]),
        ("waiting=1:2", 1, ["warning: {}: waiting 2 > 1", "warning: Redis answers"]),
        ("waiting=0:1", 2, ["critical: {}: waiting 2 > 1", "critical: Redis answers"]),
    ],
)
def test_the_exit_code_is_the_level(app, queue_name, limit, code, words):
    for _ in range(2):
        app.send_task("any")
    done = says(app, "health", "-Q", queue_name, "-t", limit)
    assert done.exit_code == code
    for line, start in zip(done.output.splitlines(), words, strict=True):
        assert line.startswith(start.format(queue_name))


@pytest.mark.row(165)
def test_limits_of_one_queue_can_be_switched_off(app, queue_name, tmp_path):
    app.send_task("any", countdown=100)
    limits = tmp_path / "limits.json"
    limits.write_text(json.dumps({"*": {"delayed": [0, 5]}}))
    words = ("health", "-Q", queue_name, "--thresholds", str(limits))
    assert says(app, *words).exit_code == 1
    assert says(app, *words, "-t", f"{queue_name}.delayed=off").exit_code == 0


def test_all_of_it_is_there_as_json(app, queue_name):
    app.send_task("any")
    done = says(app, "health", "-Q", queue_name, "-t", "waiting=0:9", "--json")
    found = json.loads(done.output)
    assert (done.exit_code, found["status"]) == (1, "warning")
    assert found["queue"]["driver"] in ("bullmq", "inmemory")
    assert found["findings"][0]["value"] == 1


@pytest.mark.parametrize(
    "limit", ["waiting", "waiting=1", "waiting=b:a", "wating=1:2", "waiting=2:1"]
)
def test_wrong_limits_are_refused(app, limit):
    done = says(app, "health", "-t", limit)
    assert done.exit_code != 0
    assert "waiting" in str(done.exception)


def test_redis_away_is_critical(app):
    with ServerProcess() as own:
        url = own.url
    done = says(app, "-b", url, "health")
    assert (done.exit_code, done.output) == (2, "critical: Redis does not answer\n")


@pytest.mark.row(160)
class TestProbe:
    """``bullrush health --worker``"""

    @pytest.fixture
    def beat(self, tmp_path):
        path = tmp_path / "beat"
        path.write_text(json.dumps({"beat": now_ms(), "running": 1, "slots": 4, "redis": True}))
        return path

    def test_the_file_is_named_or_in_the_environment(self, app, beat, monkeypatch, capsys):
        assert fast_path(["health", "--worker", str(beat)]) == 0
        assert fast_path(["health", "--worker"]) is None
        monkeypatch.setenv("BULLRUSH_HEARTBEAT_FILE", str(beat))
        assert fast_path(["health", "--worker"]) == 0
        assert capsys.readouterr().out == "ok: 1 of 4 slots busy, heartbeat 0 s ago\n" * 2
        assert says(app, "health", "--worker", str(beat)).exit_code == 0
        assert says(app, "health", "--worker").exit_code == 0
        assert says(app, "health", "--worker", str(beat) + "x").exit_code == 2

    def test_without_a_file_the_command_says_what_is_missing(self, app, monkeypatch):
        monkeypatch.delenv("BULLRUSH_HEARTBEAT_FILE", raising=False)
        done = says(app, "health", "--worker")
        assert done.exit_code == 2
        assert "BULLRUSH_HEARTBEAT_FILE" in done.output

    def test_other_commands_take_the_long_way(self):
        for words in ([], ["worker"], ["health"], ["health", "--worker", "f", "--json"]):
            assert fast_path(words) is None

    def test_it_imports_neither_application_nor_redis(self, beat):
        code = (
            "import sys; sys.argv[1:] = ['health', '--worker', sys.argv[1]]\n"
            "from bullrush.probe import main\n"
            "try: main()\n"
            "except SystemExit as end: assert end.code == 0\n"
            "bad = {'redis', 'click', 'kombu', 'pydantic', 'bullrush.app', 'bullrush.core'}\n"
            "assert not bad & set(sys.modules), bad & set(sys.modules)\n"
        )
        subprocess.run([sys.executable, "-c", code, str(beat)], check=True, timeout=30)

    def test_it_takes_less_than_a_fifth_of_a_second(self, beat):
        command = [sys.executable, "-m", "bullrush.probe", "health", "--worker", str(beat)]
        used = []
        for _ in range(5):
            before = os.times()
            subprocess.run(command, check=True, timeout=30, stdout=subprocess.DEVNULL)
            after = os.times()
            used.append(
                after.children_user
                + after.children_system
                - before.children_user
                - before.children_system
            )
        assert min(used) < 0.2  # of a CPU: another test may have the machine meanwhile


@pytest.mark.row(160, 213)
def test_a_worker_serves_probes_and_metrics_on_one_port(start_command, tmp_path):
    port, beat = free_port(), tmp_path / "beat"
    words = ("--health-port", str(port), "--metrics-port", str(port), "--probe-host", "127.0.0.1")
    start_command(*words, "--ready-without-durability", "--heartbeat-file", str(beat))

    def get(path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.read().decode()
        except OSError:
            return ""

    wait_until(lambda: "ok" in get("/ready"), timeout=30)
    assert "redis_up 1.0" in get("/metrics")
    wait_until(beat.exists)
    assert fast_path(["health", "--worker", str(beat)]) == 0


@pytest.mark.row(27, 160)
def test_workers_side_by_side_share_the_port_and_have_files_of_their_own(start_command, tmp_path):
    port = free_port()
    words = ("--health-port", str(port), "--ready-without-durability", "--processes", "2")
    start_command(
        *words, "--probe-host", "127.0.0.1", "--heartbeat-file", str(tmp_path / "%n.beat")
    )
    wait_until(lambda: len(list(tmp_path.glob("*.beat"))) == 2, timeout=30)
    assert {fast_path(["health", "--worker", str(each)]) for each in tmp_path.glob("*.beat")} == {0}


def test_a_port_that_is_taken_is_one_line(start_command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = start_command("--health-port", port, "--probe-host", "127.0.0.1")
        assert process.wait(30) == 1
    assert f"Error: port {port} of 127.0.0.1: Address already in use" in process.stderr.read()


@pytest.mark.row(93, 156)
def test_a_worker_that_must_be_ready_exits_at_once_without_redis(start_command):
    with ServerProcess() as own:
        url = own.url
    started = time.monotonic()
    process = start_command("--require-ready", broker=url)
    assert process.wait(30) == 1
    assert time.monotonic() - started < 20
    assert "did not answer" in process.stderr.read()
