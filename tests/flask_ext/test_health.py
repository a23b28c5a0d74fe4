"""The readiness probe answers soon, whatever Redis does."""

from __future__ import annotations

import threading
import time

from bullrush.core.drivers.server_binary import ServerProcess

PATH = "/api/health/ready"


def test_ready_while_redis_answers(client):
    answer = client.get(PATH)
    assert answer.status_code == 200
    body = answer.get_json()
    assert body["status"] == "ok"
    assert body["queue"].pop("latencyMs") > 0
    assert body["queue"] == {"status": "ready", "durable": True, "driver": "bullmq"}


def test_memory_is_not_ready(make_app, queue_name):
    answer = make_app(BULLRUSH_REDIS_URL=f"memory://{queue_name}").test_client().get(PATH)
    assert answer.status_code == 503
    body = answer.get_json()
    assert body["status"] == "unavailable"
    assert body["queue"].pop("latencyMs") > 0
    assert body["queue"] == {"status": "ready", "durable": False, "driver": "inmemory"}


def test_a_refused_connection_is_not_ready(make_app, refusing_url):
    answer = make_app(BULLRUSH_REDIS_URL=refusing_url).test_client().get(PATH)
    assert answer.status_code == 503
    assert answer.get_json() == {
        "status": "unavailable",
        "queue": {
            "status": "unreachable",
            "latencyMs": None,
            "durable": False,
            "driver": "bullmq",
        },
    }
    assert "127.0.0.1" not in answer.text


def test_a_host_that_does_not_answer_is_given_up_within_two_seconds(make_app, silent_url):
    client = make_app(BULLRUSH_REDIS_URL=silent_url).test_client()
    started = time.monotonic()
    assert client.get(PATH).status_code == 503
    assert time.monotonic() - started < 2


def test_many_probes_of_a_silent_host_share_one_thread(make_app, silent_url):
    app = make_app(BULLRUSH_REDIS_URL=silent_url)
    before = set(threading.enumerate())
    probes = [threading.Thread(target=app.test_client().get, args=(PATH,)) for _ in range(5)]
    for probe in probes:
        probe.start()
    for probe in probes:
        probe.join()
    new = set(threading.enumerate()) - before
    assert [thread.name for thread in new] == ["bullrush-ping"]


def test_a_wrong_url_is_not_ready(make_app, caplog):
    answer = make_app(BULLRUSH_REDIS_URL="amqp://guest:hush@localhost").test_client().get(PATH)
    assert answer.status_code == 503
    assert "redis://" in caplog.text
    assert "hush" not in caplog.text


def test_not_ready_once_redis_is_gone(make_app):
    with ServerProcess() as server:
        client = make_app(BULLRUSH_REDIS_URL=server.url).test_client()
        assert client.get(PATH).status_code == 200
    assert client.get(PATH).status_code == 503


def test_the_probe_needs_no_token_and_is_not_stored(client):
    assert client.get(PATH).headers["Cache-Control"] == "no-store"
