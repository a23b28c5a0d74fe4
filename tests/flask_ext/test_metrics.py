"""Metrics and the number that scalers ask for."""

from __future__ import annotations

import sys
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.trips import Hands
from tests.support.waiting import wait_until

METRICS = "/metrics"


def values(answer, name):
    """queue -> value of the samples of that name."""
    return {
        sample.labels.get("queue"): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == name
    }


@pytest.mark.row(25, 26)
def test_the_scrape_has_every_queue_set_at_that_moment(ask, binding):
    binding.queue("mail").add("x")
    binding.queue("mail").add("x", priority=2)
    answer = ask(METRICS)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert values(answer, "queue_waiting_jobs") == {"mail": 2, "email-queue": 0}
    binding.queue("mail").add("x")
    assert values(ask(METRICS), "queue_waiting_jobs")["mail"] == 3


def test_the_scrape_needs_a_token(client):
    assert client.get(METRICS).status_code == 401
    assert client.get("/api/admin/scale/mail").status_code == 401


def test_two_web_processes_show_the_same(make_app, ask_of):
    one, two = make_app(), make_app()
    binding = one.extensions["bullrush"]
    binding.queue("mail").add("x")
    worker = binding.start_worker("mail", lambda delivery: None, measure=True)
    wait_until(lambda: binding.queue("mail").get_completed_count() == 1)
    worker.stop(10)
    assert 'bullrush_job_run_seconds_count{name="x",queue="mail"} 1.0' in ask_of(one, METRICS).text
    assert ask_of(one, METRICS).text == ask_of(two, METRICS).text


def test_without_the_library_the_answer_says_what_to_install(ask, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    answer = ask(METRICS)
    assert answer.status_code == 501
    assert "bullrush[metrics]" in answer.get_json()["error"]


@pytest.mark.parametrize("where", ["refusing_url", "silent_url"])
def test_a_scrape_without_redis_says_so_in_time(make_app, ask_of, request, where):
    app = make_app(BULLRUSH_REDIS_URL=request.getfixturevalue(where))
    started = time.monotonic()
    answer = ask_of(app, METRICS)
    assert time.monotonic() - started < 10, "2 s, and what a busy machine adds"
    assert answer.status_code == 200
    assert values(answer, "redis_up") == {None: 0}


@pytest.mark.row(25)
def test_a_scaler_gets_one_number(ask, binding):
    queue = binding.queue("email-queue")
    for priority in (0, 3):
        queue.add("x", priority=priority)
    Hands(queue).take(1)
    for name in ("email-queue", "email"):
        assert ask(f"/api/admin/scale/{name}").get_json() == {"value": 1}
    assert ask("/api/admin/scale/email?active=1").get_json() == {"value": 2}
    assert ask("/api/admin/scale/unused").get_json() == {"value": 0}


def test_a_scaler_hears_of_bad_names_and_of_redis_away(ask, make_app, ask_of, refusing_url):
    assert ask("/api/admin/scale/a:b").status_code == 404
    app = make_app(BULLRUSH_REDIS_URL=refusing_url)
    answer = ask_of(app, "/api/admin/scale/mail")
    assert (answer.status_code, answer.get_json()["success"]) == (503, False)
