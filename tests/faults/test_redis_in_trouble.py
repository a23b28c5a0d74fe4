"""Redis gets into trouble while jobs are added and run: all jobs end, few run twice."""

from __future__ import annotations

import contextlib
import threading

import pytest
import redis

from tests.faults.trial import Trial
from tests.support.redis_fleets import Fleet

pytestmark = pytest.mark.timeout(150)


@pytest.fixture
def server():
    with Fleet() as fleet:
        yield fleet.start("appendonly yes", "appendfsync always")


@pytest.fixture
def trial(server, tmp_path):
    with Trial(f"redis://127.0.0.1:{server.port}/0", tmp_path) as trial:
        trial.start_worker(lock=10_000)  # Longer than the trouble, on a busy machine too.
        trial.more_end(50)
        yield trial


def check(trial, *, extra_starts):
    """What holds when the trouble is over, for the worker that was there before it."""
    trial.more_end(50)
    trial.check(extra_starts=extra_starts)
    assert trial.workers[0].poll() is None


def test_scripts_are_forgotten_all_the_time(trial, server):
    for _ in range(40):
        server.client.script_flush()
        trial.more_end(2)
    check(trial, extra_starts=0)
    assert trial.refused == []
    assert trial.log() == []


def test_connections_are_cut_by_the_server(trial, server):
    for _ in range(8):
        server.client.client_kill_filter(_type="normal", skipme=True)
        trial.more_end(10)
    check(trial, extra_starts=0)


def test_memory_is_used_up(trial, server):
    server.client.config_set("maxmemory", "1mb")
    trial.more_refused(50)
    server.client.config_set("maxmemory", "0")
    check(trial, extra_starts=0)
    assert all("memory" in str(error) for error in trial.refused)


def test_a_replica_takes_no_writes(trial, server):
    server.client.replicaof("127.0.0.1", "1")
    trial.more_refused(50)
    server.client.replicaof("NO", "ONE")
    check(trial, extra_starts=0)


def test_a_script_of_somebody_else_does_not_end(trial, server):
    server.client.config_set("busy-reply-threshold", "200")

    def hang():
        client = redis.Redis(port=server.port, socket_timeout=60)
        with client, contextlib.suppress(redis.ResponseError):
            client.eval("while true do end", 0)

    hanging = threading.Thread(target=hang)
    hanging.start()
    trial.more_refused(3)
    server.client.script_kill()
    hanging.join()
    check(trial, extra_starts=2)


def test_commands_are_forbidden_for_a_while(trial, server):
    server.forbid("evalsha", "eval")
    trial.more_refused(20)
    server.forbid()
    check(trial, extra_starts=0)
    assert all("evalsha" in str(error).lower() for error in trial.refused)


def test_the_password_is_another_one_for_a_while(trial, server):
    server.client.config_set("requirepass", "hush-hush")
    server.client.client_kill_filter(_type="normal", skipme=True)
    trial.more_refused(20)
    server.client.config_set("requirepass", "")
    check(trial, extra_starts=0)


def test_no_more_connections_are_taken(trial, server):
    server.client.config_set("maxclients", "1")
    server.client.client_kill_filter(_type="normal", skipme=True)
    trial.more_refused(3)
    server.client.config_set("maxclients", "1000")
    check(trial, extra_starts=0)


def test_it_dies_and_comes_back(trial, server):
    for _ in range(3):
        server.kill()
        trial.more_refused(1)
        server.start()
        trial.more_end(20)
    check(trial, extra_starts=6)


def test_it_loses_its_data(trial, server):
    server.client.flushall()
    trial.more_end(50)
    trial.accepted.clear()
    trial.more_end(50)
    trial.finish()
    assert trial.vanished() == set()
    assert trial.workers[0].poll() is None
