"""What a Flask application does while Redis is away."""

from __future__ import annotations

import pytest

from bullrush.core.errors import InvalidOption
from bullrush.flask_ext import get_queue_service
from bullrush.flask_ext.settings import settings_of
from tests.support.waiting import wait_until


def noting(app):
    """A task of an application."""
    return app.extensions["bullrush"].celery.task(name="note")(lambda value: value)


@pytest.mark.row(3)
def test_a_policy_that_is_none_is_refused_at_once():
    with pytest.raises(InvalidOption, match="BULLRUSH_ON_BROKER_DOWN"):
        settings_of({"BULLRUSH_ON_BROKER_DOWN": "ignore"})


@pytest.mark.row(3)
def test_inline_runs_the_task_in_the_request_and_shows_in_the_metrics(
    make_app, refusing_url, token
):
    app = make_app(BULLRUSH_REDIS_URL=refusing_url, BULLRUSH_ON_BROKER_DOWN="inline")
    note = noting(app)
    app.add_url_rule("/note", view_func=lambda: {"ran": note.delay(7).ran_inline})
    client = app.test_client()
    assert client.get("/note").json == {"ran": True}
    metrics = client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert "bullrush_degraded 1" in metrics.text


@pytest.mark.row(3)
def test_spooled_calls_and_jobs_are_replayed_when_redis_answers(make_app, refusing_url, tmp_path):
    spooling = {
        "BULLRUSH_ON_BROKER_DOWN": "spool",
        "BULLRUSH_SPOOL": str(tmp_path / "spool.sqlite3"),
    }
    away = make_app(BULLRUSH_REDIS_URL=refusing_url, **spooling)
    with away.app_context():
        service = get_queue_service("emails")
        job = service.add("send", {"to": "ann"})
        assert job.id
        assert noting(away).delay(1).id
    app = make_app(**spooling)
    binding = app.extensions["bullrush"]
    assert noting(app).name
    wait_until(lambda: not binding.celery.outage.holding)
    assert binding.queue("emails").get_job(job.id).data == {"to": "ann"}
    assert binding.queue("celery").get_job_counts("waiting") == {"waiting": 1}
