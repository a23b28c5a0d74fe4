"""Probes answer soon, whatever Redis does, and say what an operator needs to know."""

from __future__ import annotations

import threading
import time
from urllib.parse import urlsplit

import pytest

from bullrush.core.drivers import connect
from bullrush.core.drivers.server_binary import ServerProcess
from tests.support.silent_proxy import SilentProxy
from tests.support.waiting import wait_until

#: s: 2, and what a busy machine adds.
IN_TIME = 10
READY = "/api/health/ready"
HEALTH = "/api/health"
UNREACHABLE = {"status": "unreachable", "latencyMs": None, "durable": None, "driver": "bullmq"}


@pytest.fixture
def own_server():
    """A Redis that a test may change or stop."""
    with ServerProcess() as server:
        yield server


def configure(url, *pairs):
    driver = connect(url)
    try:
        driver.execute(("CONFIG", "SET", *pairs))
        # A server that writes its first file does not end when it is asked to.
        info = ("INFO", "persistence")
        wait_until(lambda: b"aof_rewrite_in_progress:0" in driver.execute(info))
    finally:
        driver.close()


class TestLive:
    """Whether this process answers."""

    @pytest.mark.parametrize("path", ["/live", "/api/health/live"])
    def test_it_never_touches_redis(self, make_app, refusing_url, path):
        app = make_app(BULLRUSH_REDIS_URL=refusing_url)
        answer = app.test_client().get(path)
        assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
        assert app.extensions["bullrush"].celery._driver is None


@pytest.mark.row(157)
class TestHealth:
    """What an operator reads."""

    def test_it_tells_latency_and_kind(self, client):
        answer = client.get(HEALTH)
        body = answer.get_json()
        assert (answer.status_code, body["status"]) == (200, "ok")
        assert body["queue"].pop("latencyMs") > 0
        assert body["queue"] == {"status": "ready", "durable": False, "driver": "bullmq"}

    def test_it_is_200_without_redis_too(self, make_app, refusing_url):
        answer = make_app(BULLRUSH_REDIS_URL=refusing_url).test_client().get(HEALTH)
        assert answer.status_code == 200
        assert answer.get_json() == {"status": "unavailable", "queue": UNREACHABLE}

    @pytest.mark.row(166)
    @pytest.mark.parametrize(
        ("pairs", "durable"),
        [
            (("save", "", "appendonly", "no"), False),
            (("save", "3600 1", "appendonly", "no"), True),
            (("save", "", "appendonly", "yes"), True),
        ],
        ids=["nothing", "snapshots", "aof"],
    )
    def test_durability_is_what_redis_is_configured_for(self, make_app, own_server, pairs, durable):
        configure(own_server.url, *pairs)
        client = make_app(BULLRUSH_REDIS_URL=own_server.url).test_client()
        assert client.get(HEALTH).get_json()["queue"]["durable"] is durable

    @pytest.mark.row(166)
    @pytest.mark.parametrize("forbidden", ["-info", "-config|get"])
    def test_durability_is_unknown_when_redis_does_not_tell(self, make_app, own_server, forbidden):
        driver = connect(own_server.url)
        rights = ("on", ">hush", "~*", "+@all", forbidden)
        driver.execute(("ACL", "SETUSER", "ann", *rights))
        driver.close()
        url = own_server.url.replace("redis://", "redis://ann:hush@")
        answer = make_app(BULLRUSH_REDIS_URL=url).test_client().get(HEALTH)
        assert answer.get_json()["queue"]["durable"] is None
        assert answer.get_json()["status"] == "ok"

    @pytest.mark.row(162)
    def test_a_queue_above_its_threshold_shows_without_its_name(self, make_app, ask_of):
        app = make_app(BULLRUSH_THRESHOLDS={"mail": {"waiting": (0, 1)}})
        queue = app.extensions["bullrush"].queue("mail")
        queue.add("x")
        answer = app.test_client().get(HEALTH)
        assert (answer.status_code, answer.get_json()["status"]) == (200, "warning")
        assert "mail" not in answer.text
        queue.add("x")
        assert app.test_client().get(HEALTH).get_json()["status"] == "critical"
        found = ask_of(app, "/api/health/queues").get_json()
        assert found == {
            "status": "critical",
            "findings": [
                {"queue": "mail", "level": "critical", "what": "waiting", "value": 2, "limit": 1}
            ],
        }

    def test_the_findings_need_a_token(self, client):
        assert client.get("/api/health/queues").status_code == 401


@pytest.mark.row(158)
class TestReady:
    """Whether work may be sent here."""

    def test_ready_while_redis_answers(self, client):
        answer = client.get(READY)
        assert (answer.status_code, answer.get_json()["status"]) == (200, "ok")

    @pytest.mark.row(29)
    def test_a_web_process_is_ready_and_registers_no_worker(self, client, binding):
        binding.queue("mail").add("x")
        assert client.get(READY).status_code == 200
        assert {each.worker_count for each in binding.snapshots()} == {0}

    @pytest.mark.row(159)
    def test_memory_is_not_ready(self, make_app, queue_name):
        answer = make_app(BULLRUSH_REDIS_URL=f"memory://{queue_name}").test_client().get(READY)
        assert answer.status_code == 503
        body = answer.get_json()
        assert body["status"] == "unavailable"
        assert body["queue"].pop("latencyMs") > 0
        assert body["queue"] == {"status": "ready", "durable": False, "driver": "inmemory"}

    def test_redis_that_is_stopped_is_not_ready_any_more(self, make_app, own_server):
        client = make_app(BULLRUSH_REDIS_URL=own_server.url).test_client()
        assert client.get(READY).status_code == 200
        own_server.stop()
        assert client.get(READY).status_code == 503

    def test_a_refused_connection_is_not_ready(self, make_app, refusing_url):
        answer = make_app(BULLRUSH_REDIS_URL=refusing_url).test_client().get(READY)
        assert answer.status_code == 503
        assert answer.get_json() == {"status": "unavailable", "queue": UNREACHABLE}
        assert "127.0.0.1" not in answer.text

    def test_a_host_that_does_not_answer_is_given_up_within_two_seconds(self, make_app, silent_url):
        client = make_app(BULLRUSH_REDIS_URL=silent_url).test_client()
        for path, code in ((READY, 503), (HEALTH, 200)):
            started = time.monotonic()
            assert client.get(path).status_code == code
            assert time.monotonic() - started < IN_TIME

    def test_a_host_that_falls_silent_is_given_up_too(self, make_app, redis_url):
        parts = urlsplit(redis_url)
        with SilentProxy(parts.hostname, parts.port) as proxy:
            client = make_app(BULLRUSH_REDIS_URL=proxy.url).test_client()
            assert client.get(READY).status_code == 200
            proxy.fall_silent()
            started = time.monotonic()
            assert client.get(READY).status_code == 503
            assert time.monotonic() - started < IN_TIME

    def test_many_probes_of_a_silent_host_share_one_thread(self, make_app, silent_url):
        app = make_app(BULLRUSH_REDIS_URL=silent_url)
        before = set(threading.enumerate())
        probes = [threading.Thread(target=app.test_client().get, args=(READY,)) for _ in range(5)]
        for probe in probes:
            probe.start()
        for probe in probes:
            probe.join()
        new = [each.name for each in set(threading.enumerate()) - before]
        assert new.count("bullrush-ping") == 1

    def test_a_wrong_url_is_not_ready(self, make_app, caplog):
        app = make_app(BULLRUSH_REDIS_URL="amqp://guest:hush@localhost")
        assert app.test_client().get(READY).status_code == 503
        assert "redis://" in caplog.text
        assert "hush" not in caplog.text

    def test_not_ready_once_redis_is_gone(self, make_app):
        with ServerProcess() as server:
            client = make_app(BULLRUSH_REDIS_URL=server.url).test_client()
            assert client.get(READY).status_code == 200
        assert client.get(READY).status_code == 503

    @pytest.mark.parametrize("path", ["/live", HEALTH, READY])
    def test_probes_need_no_token_and_are_not_stored(self, client, path):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
