"""What the environment says, against what everything else says."""

from __future__ import annotations

import itertools
import os
from urllib.parse import urlsplit

import pytest

from bullrush.core import Queue, environment
from bullrush.core.drivers import connect
from bullrush.core.environment import find_redis, key_prefix, work_settings
from bullrush.core.environment import redis_url as find_url
from bullrush.core.errors import AuthenticationFailed, ConnectionFailed, InvalidOption
from tests.support.redis_fleets import Fleet
from tests.support.wire import CERTIFICATE, Wire


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch, caplog):
    caplog.set_level("WARNING", logger="bullrush.core.environment")
    environment._tell_difference.cache_clear()
    for name in list(os.environ):
        if name.startswith(("BULLRUSH_R", "BULLRUSH_P", "REDIS_", "QUEUE_", "EXECUTION_")):
            monkeypatch.delenv(name)


#: What says it, best first: (source, how to say it).
FAMILIES = (
    ("BULLRUSH_REDIS_URL", {"BULLRUSH_REDIS_URL": "redis://own"}, "redis://own"),
    ("QUEUE_REDIS_*", {"QUEUE_REDIS_HOST": "parts"}, "redis://parts:6379/0"),
    ("REDIS_URL", {"REDIS_URL": "redis://common"}, "redis://common"),
)


@pytest.mark.row(168, 173, 185)
@pytest.mark.parametrize("chosen", list(itertools.product((False, True), repeat=3)))
@pytest.mark.parametrize("argument", [None, "redis://argument"])
@pytest.mark.parametrize("settings", [None, "redis://settings"])
def test_the_best_of_all_that_say_where_redis_is_wins(
    chosen, argument, settings, monkeypatch, caplog
):
    said = [family for family, on in zip(FAMILIES, chosen, strict=True) if on]
    for _, variables, _ in said:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
    code = [("argument", {}, argument)] if argument else []
    code += [("settings", {}, settings)] if settings else []
    wanted = [*code, *said, ("default", {}, "redis://localhost:6379/0")][0]
    found = find_redis(argument, configured=settings)
    assert (found.source, found.value) == (wanted[0], wanted[2])
    assert find_url(argument, configured=settings) == wanted[2]
    warned = not code and len(said) > 1
    assert ("differs and is not" in caplog.text) == warned
    for name, _, _ in said[1:] if warned else ():
        assert name in caplog.text
    caplog.clear()
    find_url(argument, configured=settings)
    assert not caplog.text, "once is enough"


@pytest.mark.row(185)
def test_families_that_say_the_same_are_no_reason_to_warn(monkeypatch, caplog):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:6379/0")
    monkeypatch.setenv("QUEUE_REDIS_HOST", "127.0.0.1")
    assert find_url() == "redis://127.0.0.1:6379/0"
    assert not caplog.text


@pytest.mark.row(173, 174, 175, 176, 177)
def test_the_parts_have_the_defaults_of_the_teams_and_can_all_be_said(monkeypatch):
    monkeypatch.setenv("QUEUE_REDIS_HOST", "")
    assert find_redis().source == "default"
    monkeypatch.setenv("QUEUE_REDIS_DB", "3")
    assert find_url() == "redis://127.0.0.1:6379/3"
    monkeypatch.setenv("QUEUE_REDIS_HOST", "cache")
    monkeypatch.setenv("QUEUE_REDIS_PORT", "7000")
    monkeypatch.setenv("QUEUE_REDIS_USERNAME", "ann")
    monkeypatch.setenv("QUEUE_REDIS_PASSWORD", "hush:hush")
    assert find_url() == "redis://ann:hush%3Ahush@cache:7000/3"
    assert "hush" not in repr(find_redis())


@pytest.mark.row(174, 175, 178, 179, 181, 182, 180)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QUEUE_REDIS_PORT", "hush"),
        ("QUEUE_REDIS_DB", "-1"),
        ("QUEUE_REDIS_TLS", "perhaps"),
        ("QUEUE_METRICS_INTERVAL_MS", "0"),
        ("EXECUTION_WORKER_CONCURRENCY", "two"),
        ("EXECUTION_TENANT_CONCURRENCY", "0"),
        ("QUEUE_DRIVER", "rabbit"),
        ("REDIS_CLUSTER_MODE", "often"),
    ],
)
def test_a_value_that_cannot_be_used_names_its_variable(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidOption, match=name) as caught:
        (find_redis(), work_settings())
    assert "hush" not in str(caught.value)


@pytest.mark.row(175)
def test_a_database_other_than_0_is_refused_on_a_cluster(monkeypatch):
    monkeypatch.setenv("QUEUE_REDIS_DB", "1")
    monkeypatch.setenv("REDIS_CLUSTER_MODE", "true")
    with pytest.raises(InvalidOption, match="only database 0"):
        connect(find_url())


@pytest.mark.row(180, 221)
def test_the_driver_in_memory_comes_before_the_settings_but_not_an_argument(monkeypatch):
    monkeypatch.setenv("QUEUE_DRIVER", "inmemory")
    monkeypatch.setenv("REDIS_URL", "redis://common")
    assert find_redis(configured="redis://settings").value == "memory://default"
    assert find_url("redis://argument") == "redis://argument"
    with Queue("q") as queue:
        assert queue.driver.volatile


@pytest.mark.row(179, 181, 182)
def test_how_much_at_once_and_how_often_is_read_from_the_environment(monkeypatch):
    assert work_settings().queue_metrics_interval_ms == 60_000
    assert work_settings().execution_worker_concurrency is None
    monkeypatch.setenv("QUEUE_METRICS_INTERVAL_MS", "100")
    monkeypatch.setenv("EXECUTION_WORKER_CONCURRENCY", "2")
    monkeypatch.setenv("EXECUTION_TENANT_CONCURRENCY", "1")
    found = work_settings()
    assert (found.queue_metrics_interval_ms, found.execution_worker_concurrency) == (100, 2)
    assert found.execution_tenant_concurrency == 1


@pytest.mark.row(170)
def test_only_a_cluster_forces_braces_on_the_prefix(monkeypatch):
    assert key_prefix() == "bull"
    assert key_prefix("mine", configured="redis+cluster://a,b") == "{mine}"
    monkeypatch.setenv("REDIS_CLUSTER_MODE", "true")
    monkeypatch.setenv("BULLRUSH_PREFIX", "{own}")
    assert key_prefix() == "{own}"
    assert key_prefix("mine") == "{mine}"


@pytest.mark.row(176, 177)
def test_a_user_of_the_server_logs_in_by_the_parts(monkeypatch):
    with Fleet() as fleet:
        server = fleet.start("user ann on >secret ~* &* +@all")
        server.client.acl_setuser("default", enabled=False)
        monkeypatch.setenv("QUEUE_REDIS_PORT", str(server.port))
        monkeypatch.setenv("QUEUE_REDIS_USERNAME", "ann")
        monkeypatch.setenv("QUEUE_REDIS_PASSWORD", "secret")
        with Queue("q", url=find_url()) as queue:
            assert queue.add("x").id == "1"
        monkeypatch.setenv("QUEUE_REDIS_PASSWORD", "wrong-word")
        with Queue("q", url=find_url()) as queue, pytest.raises(AuthenticationFailed) as caught:
            queue.add("x")
        assert "wrong-word" not in str(caught.value)


@pytest.mark.row(178)
def test_tls_trusts_the_authority_given_and_nobody_else(redis_url, queue_name, monkeypatch):
    monkeypatch.setenv("QUEUE_REDIS_HOST", "localhost")
    monkeypatch.setenv("QUEUE_REDIS_TLS", "true")
    with Wire(redis_url, tls=True) as wire:  # which ends with the first client that refuses it
        monkeypatch.setenv("QUEUE_REDIS_PORT", str(urlsplit(wire.url).port))
        queue = Queue(queue_name, url=find_url())
        with queue, pytest.raises(ConnectionFailed, match="certif"):
            queue.add("x")
    with Wire(redis_url, tls=True) as wire:
        monkeypatch.setenv("QUEUE_REDIS_PORT", str(urlsplit(wire.url).port))
        monkeypatch.setenv("QUEUE_REDIS_TLS_CA", str(CERTIFICATE))
        with Queue(queue_name, url=find_url()) as queue:
            assert queue.add("x").id == "1"
        monkeypatch.delenv("QUEUE_REDIS_TLS_CA")
        monkeypatch.setenv("QUEUE_REDIS_TLS_VERIFY", "false")
        with Queue(queue_name, url=find_url()) as queue:
            assert queue.add("x").id == "2"
