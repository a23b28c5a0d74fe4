"""Entries of a schedule become job schedulers in Redis."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from bullrush.result import AsyncResult
from bullrush.schedules import crontab
from tests.support.beats import NOON, beat, entry, found, ms
from tests.support.waiting import wait_until


def test_entries_become_job_schedulers_of_their_names(app, add, fixed):
    beat(app, often=entry(30), nightly=entry(crontab(minute="*/15", hour=3)))
    schedulers = found(app)
    assert (schedulers["often"].every, schedulers["often"].name) == (30_000, "add")
    nightly = schedulers["nightly"]
    assert (nightly.pattern, nightly.tz) == ("*/15 3 * * *", "UTC")
    assert nightly.data["args"] == [1, 2]


def test_an_interval_runs_first_when_it_has_passed_once(app, add, fixed):
    beat(app, often=entry(30))
    assert found(app)["often"].next == ms(NOON) + 30_000


def test_a_relative_interval_runs_on_whole_units(app, add, fixed):
    fixed.advance(100)
    beat(app, hourly=entry(3600, relative=True))
    assert found(app)["hourly"].next == ms(NOON) + 3_600_000


def test_the_time_zone_of_the_settings_counts(app, add, fixed):
    app.conf.timezone = "Asia/Kathmandu"
    beat(app, daily=entry(crontab(0, 0)))
    assert found(app)["daily"].tz == "Asia/Kathmandu"
    assert found(app)["daily"].next == ms(datetime(2024, 5, 5, 18, 15, tzinfo=timezone.utc))


def test_a_worker_runs_a_periodic_task_with_celerys_header(app, start):
    seen = []

    @app.task(name="look", bind=True)
    def look(self):
        seen.append((self.request.id, self.request.headers))
        return "looked"

    beat(app, look={"task": "look", "schedule": 0.2})
    start(concurrency=1)
    wait_until(lambda: len(seen) >= 2)
    (first, headers), (second, _) = seen[:2]
    assert first != second
    assert headers["celery_beat_task"] is True
    assert AsyncResult(first, app=app).get(timeout=10) == "looked"


def test_options_of_an_entry_are_those_of_its_jobs(app, add, fixed, queue_name):
    beat(app, often=entry(30, options={"queue": f"{queue_name}-b", "priority": 3}))
    assert found(app) == {}
    assert found(app, f"{queue_name}-b")["often"].options["priority"] == 3


def test_routes_decide_about_the_queue(app, add, fixed, queue_name):
    app.conf.task_routes = {"add": {"queue": f"{queue_name}-c"}}
    beat(app, often=entry(30))
    assert "often" in found(app, f"{queue_name}-c")


def test_another_serializer_packs_the_arguments(app, start):
    seen = []
    app.conf.task_serializer, app.conf.accept_content = "msgpack", ["json", "msgpack"]
    app.task(name="look")(lambda text: seen.append(text))
    beat(app, look={"task": "look", "schedule": 0.2, "args": (b"raw",)})
    start(concurrency=1)
    assert wait_until(lambda: seen)[0] == b"raw"
    beat(app)
    assert found(app) == {}


def test_a_task_that_is_not_known_here_is_written_by_name(app, fixed):
    beat(app, often={"task": "elsewhere", "schedule": 5})
    assert found(app)["often"].name == "elsewhere"


@pytest.mark.parametrize("setting", ["expires", "beat_cron_starting_deadline"])
def test_a_run_that_starts_too_late_is_left_out(app, add, start, fixed, monkeypatch, setting):
    if setting == "expires":
        beat(app, often=entry(crontab(), options={"expires": 20}))
    else:
        app.conf.beat_cron_starting_deadline = 20
        beat(app, often=entry(crontab()))
    slot = found(app)["often"].next
    monkeypatch.undo()  # today, years later
    start(concurrency=1)
    result = AsyncResult(f"repeat:often:{slot}", app=app)
    assert wait_until(lambda: result.state in ("REVOKED", "FAILURE"))


def test_an_entry_that_cannot_be_written_does_not_stop_the_others(app, add, fixed, caplog):
    beat(app, bad=entry(30, options={"queue": "with:colon"}), good=entry(30))
    assert set(found(app)) == {"good"}
    assert "bad" in caplog.text


def test_arguments_that_the_task_does_not_take_are_told(app, add, fixed, caplog):
    scheduler = beat(app, bad=entry(30, args=(1, 2, 3)))
    assert found(app) == {}
    assert scheduler.write_only() == ["bad"]
    assert "cannot be sent" in caplog.text
