"""What orchestrators and Prometheus ask of a worker that has no web framework."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.request
import uuid

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bullrush.core import Queue
from bullrush.core.drivers import connect
from bullrush.core.drivers.server_binary import ServerProcess
from bullrush.core.errors import QueueNotReady
from bullrush.core.health import assert_queue_is_ready
from bullrush.core.worker import Worker
from bullrush.core.worker.probes import ProbeServer, health_routes, metrics_routes
from bullrush.probe import look
from tests.support.waiting import wait_until


@pytest.fixture
def ask():
    """(code, text) of a path of a server."""

    def get(server, path):
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{server.port}{path}", timeout=10
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return get


def serve(routes):
    return ProbeServer("127.0.0.1", 0, routes)


@pytest.mark.row(29)
def test_a_worker_is_ready_only_when_its_queue_is_durable(redis_url, queue_name, ask):
    with ServerProcess() as own:
        worker = Worker(queue_name, lambda delivery: None, url=own.url)
        with worker, serve(health_routes(worker)) as strict:
            code, text = ask(strict, "/ready")
            assert (code, json.loads(text)["status"]) == (503, "not durable")
            assert json.loads(text)["queue"]["durable"] is False
            worker.driver.execute(("CONFIG", "SET", "save", "3600 1"))
            assert ask(strict, "/ready")[0] == 200
            worker.driver.execute(("CONFIG", "SET", "save", ""))
            with serve(health_routes(worker, needs_durable=False)) as lenient:
                assert ask(lenient, "/ready")[0] == 200


def test_a_worker_that_stops_is_alive_and_not_ready(redis_url, queue_name, ask):
    worker = Worker(queue_name, lambda delivery: None, url=redis_url, concurrency=3).start()
    with serve(health_routes(worker, needs_durable=False)) as server:
        body = json.loads(ask(server, "/health")[1])
        assert (body["status"], body["worker"]) == ("ok", {"running": 0, "slots": 3})
        worker.request_stop()
        assert ask(server, "/live") == (200, '{"status": "ok"}\n')
        assert ask(server, "/ready")[0] == 503
        worker.stop(10)
        assert ask(server, "/nowhere")[0] == 404


@pytest.mark.row(159)
def test_a_worker_in_memory_is_not_ready(ask):
    worker = Worker("mail", lambda delivery: None, url=f"memory://{uuid.uuid4().hex}")
    with worker, serve(health_routes(worker)) as server:
        assert ask(server, "/ready")[0] == 503


def test_redis_away_leaves_a_worker_alive_and_not_ready_in_time(ask):
    with ServerProcess() as own:
        worker = Worker("mail", lambda delivery: None, url=own.url).start()
    with serve({**health_routes(worker), **metrics_routes(worker)}) as server:
        started = time.monotonic()
        assert ask(server, "/ready")[0] == 503
        assert time.monotonic() - started < 10, "2 s, and what a busy machine adds"
        assert ask(server, "/live")[0] == ask(server, "/health")[0] == 200
        assert "redis_up 0.0" in ask(server, "/metrics")[1]
    worker.stop(0)


@pytest.mark.row(213)
def test_a_worker_shows_the_metrics_of_its_queues(redis_url, queue_name, ask):
    with Queue(queue_name, url=redis_url) as queue:
        queue.add("x", delay=60_000)
        worker = Worker(queue_name, lambda delivery: None, url=redis_url, measure=True)
        with worker, serve(metrics_routes(worker)) as server:
            code, text = ask(server, "/metrics")
    samples = {
        (sample.name, sample.labels.get("state")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert code == 200
    assert samples["bullmq_job_count", "delayed"] == 1


def test_a_slow_client_holds_up_nobody_and_no_thread_stays(redis_url, queue_name, ask):
    before = set(threading.enumerate())
    worker = Worker(queue_name, lambda delivery: None, url=redis_url)
    with serve(health_routes(worker)) as server, socket.socket() as slow:
        slow.connect(("127.0.0.1", server.port))
        slow.sendall(b"GET /live HT")
        assert ask(server, "/live")[0] == 200
    wait_until(lambda: set(threading.enumerate()) <= before)
    worker.stop(0)


def test_a_port_is_shared_only_when_that_is_asked_for(ask):
    pages = [{"/live": lambda text=text: (200, "text/plain", text)} for text in (b"a", b"b")]
    with ProbeServer("127.0.0.1", 0, pages[0], shared=True) as first:
        with ProbeServer("127.0.0.1", first.port, pages[1], shared=True) as second:
            assert ask(second, "/live")[1] in "ab"
        assert ask(first, "/live") == (200, "a")
        with pytest.raises(OSError, match="in use"):
            ProbeServer("127.0.0.1", first.port, pages[1])


@pytest.mark.row(160)
class TestHeartbeatFile:
    """Written for a probe that runs every few seconds."""

    def test_it_tells_of_a_worker_while_it_lives(self, redis_url, queue_name, tmp_path):
        path = tmp_path / "beat"
        worker = Worker(
            queue_name, lambda delivery: None, url=redis_url, heartbeat_file=str(path)
        ).start()
        wait_until(path.exists)
        code, text = look(str(path))
        assert (code, text.split(",")[0]) == (0, "ok: 0 of 1 slots busy")
        worker.stop(10)
        assert look(str(path)) == (
            2,
            f"critical: no heartbeat in {path}: No such file or directory",
        )

    def test_it_is_written_without_redis_too(self, tmp_path):
        path = tmp_path / "beat"
        with ServerProcess() as own:
            url = own.url
        worker = Worker("mail", lambda delivery: None, url=url, heartbeat_file=str(path)).start()
        wait_until(path.exists)
        assert look(str(path)) == (1, "warning: the worker does not reach Redis")
        worker.stop(0)

    @pytest.mark.parametrize("text", ["", "{}", "[]", '{"beat": "x"}'])
    def test_another_file_is_no_heartbeat(self, tmp_path, text):
        path = tmp_path / "beat"
        path.write_text(text)
        assert look(str(path)) == (2, f"critical: {path} is no heartbeat of a worker")

    def test_an_old_one_is_that_of_a_dead_worker(self, tmp_path):
        path = tmp_path / "beat"
        record = {"beat": (time.time() - 31) * 1000, "running": 0, "slots": 1, "redis": True}
        path.write_text(json.dumps(record))
        assert look(str(path)) == (2, "critical: the last heartbeat was 31 s ago")


@pytest.mark.row(156)
def test_who_needs_the_queue_can_ask_before_anything_else(redis_url):
    driver = connect(redis_url)
    assert assert_queue_is_ready(driver).latency_ms > 0
    driver.close()
    with ServerProcess() as own:
        gone = connect(own.url)
    with pytest.raises(QueueNotReady, match="did not answer"):
        assert_queue_is_ready(gone)
