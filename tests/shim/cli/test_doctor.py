"""``bullrush doctor``: each broken setup, and what it says mends it."""

from __future__ import annotations

import json
import shlex
import socket

import pytest
from click.testing import CliRunner

from bullrush import Celery
from bullrush.cli.main import cli
from tests.support.redis_fleets import Fleet, free_ports
from tests.support.wire import Wire


def findings(app, code=None):
    """What it finds, by check."""
    result = CliRunner().invoke(cli, ["doctor", "--json"], obj=app, catch_exceptions=False)
    told = json.loads(result.output)
    assert result.exit_code == (1 if told["status"] == "fail" else 0)
    if code is not None:
        assert result.exit_code == code, result.output
    return {each["check"]: each for each in told["findings"]}


def application(url, queue_name="q"):
    """One on that server."""
    app = Celery("doctored", broker=url, set_as_current=False)
    app.conf.task_default_queue = queue_name
    return app


@pytest.fixture
def fleet():
    """Servers of these tests."""
    with Fleet() as fleet:
        yield fleet


@pytest.fixture
def server(fleet):
    """A server that writes its log."""
    return fleet.start("appendonly yes", "appendfsync everysec")


@pytest.mark.row(198)
def test_a_sound_setup_has_no_findings(server, queue_name):
    with application(f"redis://127.0.0.1:{server.port}", queue_name) as app:

        @app.task(name="mine")
        def mine():
            pass

        found = findings(app, 0)
    assert {each["status"] for each in found.values()} == {"ok"}, found
    assert "a second" in found["durability"]["message"]


@pytest.mark.row(199)
def test_a_server_that_is_down_is_told_from_a_wrong_name_and_a_wrong_password(server, redis_url):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        down = f"redis://:hush@127.0.0.1:{probe.getsockname()[1]}"
        cases = {
            down: ("connection", "start Redis"),
            "redis://:hush@no-such-host.invalid:6379": ("address", "check the host"),
            f"redis://u:hush@127.0.0.1:{server.port}": ("connection", "the user and the password"),
            f"redis://127.0.0.1:{server.port}/99": ("connection", "a database that"),
        }
        for url, (check, fix) in cases.items():
            with application(url) as app:
                found = findings(app, 1)
            assert fix in found[check]["fix"], found
            assert "hush" not in json.dumps(found)


@pytest.mark.row(199)
def test_a_certificate_of_nobody_is_told(redis_url):
    with Wire(redis_url, tls=True) as wire, application(wire.url.partition("?")[0]) as app:
        assert "name the authority" in findings(app, 1)["connection"]["fix"]


@pytest.mark.row(199)
def test_settings_that_cannot_be_used_are_told(monkeypatch):
    monkeypatch.setenv("QUEUE_REDIS_PORT", "often")
    with application(None) as app:
        app.conf.broker_url = None
        assert "QUEUE_REDIS_PORT" in findings(app, 1)["settings"]["message"]


@pytest.mark.row(185, 199)
def test_variables_that_differ_are_told(server, monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere")
    monkeypatch.setenv("QUEUE_REDIS_PORT", str(server.port))
    monkeypatch.delenv("BULLRUSH_REDIS_URL", raising=False)
    with Celery("families", set_as_current=False) as app:
        found = findings(app)
    assert found["variables"]["status"] == "warn"
    assert "REDIS_URL" in found["variables"]["fix"]


@pytest.mark.row(186)
def test_a_server_that_writes_nothing_or_throws_keys_away_is_told(fleet):
    server = fleet.start("appendonly no", "maxmemory-policy allkeys-lru")
    with application(f"redis://127.0.0.1:{server.port}") as app:
        found = findings(app, 1)
    assert found["durability"]["status"] == "warn"
    assert "appendonly yes" in found["durability"]["fix"]
    assert "noeviction" in found["memory"]["fix"]


def test_a_replica_is_told(fleet, server):
    replica = fleet.start(f"replicaof 127.0.0.1 {server.port}")
    with application(f"redis://127.0.0.1:{replica.port}") as app:
        assert "connect to the master" in findings(app, 1)["role"]["fix"]


@pytest.mark.row(190)
def test_a_node_of_a_cluster_behind_a_plain_url_is_told(fleet):
    [port] = free_ports(1, most=55000)
    node = fleet.start("cluster-enabled yes", port=port)
    node.client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    with application(f"redis://127.0.0.1:{node.port}") as app:
        assert "REDIS_CLUSTER_MODE=true" in findings(app, 1)["cluster"]["fix"]


@pytest.mark.row(199)
def test_jobs_that_nobody_serves_and_queues_that_are_paused_are_told(server, queue_name):
    with application(f"redis://127.0.0.1:{server.port}", queue_name) as app:
        app.send_task("any")
        found = findings(app, 0)
        assert "start a worker" in found[f"queue {queue_name}"]["fix"]
        app.queue(queue_name).pause()
        assert "it is paused and 1 jobs wait" in findings(app)[f"queue {queue_name}"]["message"]


def test_a_remedy_can_be_typed_into_a_shell_whatever_the_queue_is_called(server):
    with application(f"redis://127.0.0.1:{server.port}") as app:
        app.queue("a b; $(reboot)").add("x")
        fix = findings(app, 0)["queue a b; $(reboot)"]["fix"]
    assert shlex.split(fix.partition(": ")[2]) == ["bullrush", "worker", "-Q", "a b; $(reboot)"]


def test_it_reads_well_on_a_terminal(server):
    with application(f"redis://127.0.0.1:{server.port}") as app:
        app.queue("q").add("x")  # and no worker is up
        said = CliRunner().invoke(cli, ["doctor"], obj=app).output
    assert "ok    scripts: scripts run\n" in said
    assert "      fix: " in said
