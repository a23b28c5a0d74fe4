"""The status document for incidents has the shape that its readers know."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from bullrush import Celery
from bullrush.beat.leading import LEASE_MS, Lead
from bullrush.core import clock
from bullrush.core.clock import now_ms
from bullrush.core.workers import BEAT_MS, RECORD_MS
from tests.support.trips import Hands
from tests.support.waiting import wait_until

GOLDEN = Path(__file__).parent / "golden"


def golden(name):
    """An answer as it has to be."""
    return json.loads((GOLDEN / f"{name}.json").read_text())


@pytest.fixture
def queue(binding):
    """Two jobs that wait and one that is active."""
    queue = binding.queue("email-queue")
    for _ in range(2):
        queue.add("send")
    queue.add("send", priority=2)
    Hands(queue).take()
    return queue


@pytest.mark.row(146, 147, 148, 149)
def test_the_status_document_has_its_shape(send, get, queue):
    answer = send("GET", "/workers/status").get_json()
    told = datetime.fromisoformat(answer["data"]["timestamp"].replace("Z", "+00:00"))
    assert abs((datetime.now(timezone.utc) - told).total_seconds()) < 30
    assert answer["data"]["timestamp"].endswith("Z")
    answer["data"]["timestamp"] = "2026-01-01T00:00:00.000Z"
    assert answer == golden("workers_status")


WORKER = """
import sys
from bullrush.core.worker import Worker
name, url, prefix = sys.argv[1:]
Worker(name, print, url=url, prefix=prefix).run()
"""


@pytest.mark.row(147)
def test_a_killed_worker_counts_as_started_until_its_record_ends(
    get, binding, queue, redis_url, monkeypatch
):
    def started():
        return get("/workers/status")["executionWorker"]["started"]

    assert started() is False
    words = [sys.executable, "-c", WORKER, "email-queue", redis_url, binding.settings.prefix]
    with subprocess.Popen(words) as worker:
        try:
            wait_until(started, 60)
            (row,) = get("/workers")["workers"]
            assert (row["queues"], row["pid"]) == (["email-queue"], worker.pid)
        finally:
            worker.kill()
    assert worker.returncode == -signal.SIGKILL
    later(monkeypatch, BEAT_MS - RECORD_MS)
    assert started() is True, "nobody has told of its end"
    later(monkeypatch, RECORD_MS)
    assert started() is False
    assert get("/workers")["workers"] == []


def later(monkeypatch, ms):
    """The clock of this process goes ahead, or back, by that much."""
    now = time.time_ns() + ms * 1_000_000
    monkeypatch.setattr(clock, "source", lambda: now)


@pytest.mark.row(147)
def test_a_worker_that_is_stopped_no_longer_counts_as_started(get, binding, queue):
    worker = binding.start_worker("email-queue", lambda delivery: None)
    wait_until(lambda: get("/workers/status")["executionWorker"]["started"], 20)
    worker.stop(10)
    assert get("/workers/status")["executionWorker"]["started"] is False


@pytest.mark.row(147)
def test_the_driver_in_memory_is_called_so(make_app, token, queue_name):
    app = make_app(BULLRUSH_REDIS_URL=f"memory://{queue_name}")
    headers = {"Authorization": f"Bearer {token}"}
    answer = app.test_client().get("/api/admin/workers/status", headers=headers)
    assert answer.get_json()["data"]["executionWorker"]["queueDriver"] == "inmemory"


@pytest.mark.row(149)
def test_without_redis_the_document_says_so(make_app, token, refusing_url):
    app = make_app(BULLRUSH_REDIS_URL=refusing_url)
    headers = {"Authorization": f"Bearer {token}"}
    answer = app.test_client().get("/api/admin/workers/status", headers=headers)
    data = answer.get_json()["data"]
    assert (answer.status_code, data["scheduler"]["redis"]["status"]) == (200, "end")
    assert data["executionWorker"]["started"] is False


@pytest.mark.row(150)
def test_a_change_of_the_leading_beat_is_seen(get, binding, redis_url):
    def lock():
        return get("/workers/status")["scheduler"]["lock"]

    prefix = binding.settings.prefix
    with Celery("shop", broker=redis_url, bullrush_prefix=prefix) as app:
        first, second = Lead(app, "beat"), Lead(app, "beat")
        assert lock() is None
        assert first.take()
        held = lock()
        assert 0 < held["ttlMs"] <= LEASE_MS
        assert (held["renewals"], abs(held["acquiredAt"] - now_ms()) < 30_000) == (0, True)
        assert first.take()
        assert (lock()["renewals"], lock()["acquiredAt"]) == (1, held["acquiredAt"])
        assert not second.take()
        first.leave()
        assert second.take()
        assert (lock()["holder"] != held["holder"], lock()["renewals"]) == (True, 0)


@pytest.mark.row(151)
def test_the_document_needs_a_token(client, send):
    assert client.get("/api/admin/workers/status").status_code == 401
    assert send("GET", "/workers/status").status_code == 200


@pytest.mark.row(152)
def test_the_document_is_cheap(send, binding, queue, monkeypatch):
    for number in range(20):
        binding.queue(f"queue-{number}").add("send")
    binding.catalogue.forget()
    send("GET", "/workers/status")  # which queues there are is looked for every 10 s
    sent = []
    driver = binding.driver
    execute, execute_many = driver.execute, driver.execute_many
    monkeypatch.setattr(driver, "execute", lambda one: sent.append(one) or execute(one))
    monkeypatch.setattr(
        driver, "execute_many", lambda many: sent.extend(many) or execute_many(many)
    )
    answer = send("GET", "/workers/status")
    assert 0 < len(sent) < 10
    assert len(answer.get_json()["data"]["executionWorker"]["metrics"]["queueDepths"]) == 21
    assert "max-age=5" in answer.headers["Cache-Control"]
