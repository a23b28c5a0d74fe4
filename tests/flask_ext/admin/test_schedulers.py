"""Job schedulers are seen, made, run and removed."""

from __future__ import annotations

import pytest

from bullrush.core.clock import now_ms
from bullrush.core.operations import JobScheduler
from bullrush.flask_ext.upcoming import next_runs

YEAR = {"pattern": "0 0 1 1 *", "tz": "UTC", "name": "report", "data": {"token": "hush", "n": 1}}


@pytest.fixture
def queue(binding):
    """A queue with one job scheduler."""
    queue = binding.queue("emails")
    queue.upsert_job_scheduler("yearly", **YEAR, options={"attempts": 3})
    return queue


def test_schedulers_come_with_their_next_five_runs(get, queue):
    queue.upsert_job_scheduler("hourly", every=3_600_000)
    found = get("/queues/emails/schedulers")
    assert [each["id"] for each in found["schedulers"]] == ["hourly", "yearly"]
    hourly, yearly = found["schedulers"]
    assert found["total"] == 2
    assert [b - a for a, b in zip(hourly["runs"], hourly["runs"][1:], strict=False)] == [
        3_600_000
    ] * 4
    assert len(yearly["runs"]) == 5
    assert yearly["runs"][0] == yearly["next"] > now_ms()
    assert yearly["data"] == {"token": "[redacted]", "n": 1}


def test_runs_end_with_the_schedule():
    assert next_runs(JobScheduler("a", "a", 1000, 1, every=1000, end_date=3000)) == [
        1000,
        2000,
        3000,
    ]
    assert next_runs(JobScheduler("a", "a", 1000, 2, every=1000, limit=3)) == [1000, 2000]
    assert next_runs(JobScheduler("a", "a", 1000, 1, pattern="rubbish")) == [1000]


def test_a_scheduler_is_made_and_changed(send, queue):
    body = {"every": 60_000, "name": "ping", "data": [1], "options": {"attempts": 2}}
    made = send("PUT", "/queues/emails/schedulers/ping", body).get_json()["data"]
    assert (made["every"], made["name"], made["options"]["attempts"]) == (60_000, "ping", 2)
    send("PUT", "/queues/emails/schedulers/ping", {**body, "every": 90_000})
    assert queue.get_job_scheduler("ping").every == 90_000


def test_what_is_shown_of_a_scheduler_can_be_sent_back(get, send, queue):
    keep = {"attempts": 3, "remove_on_complete": 9, "backoff": {"type": "fixed", "delay": 5}}
    queue.upsert_job_scheduler("kept", pattern="0 0 * * *", options=keep)
    path = "/queues/emails/schedulers/kept"
    shown = get(path)
    names = ("pattern", "tz", "limit", "startDate", "endDate", "offset", "name", "data", "options")
    answer = send("PUT", path, {name: shown[name] for name in names})
    assert answer.status_code == 200, answer.text
    assert queue.get_job_scheduler("kept").options == keep


def test_data_that_is_sent_back_as_it_was_shown_keeps_what_was_not(get, send, queue):
    path = "/queues/emails/schedulers/yearly"
    shown = get(path)["data"]
    assert shown == {"token": "[redacted]", "n": 1}
    body = {"pattern": "0 0 2 1 *", "name": "report"}
    assert send("PUT", path, {**body, "data": shown}).status_code == 200
    changed = queue.get_job_scheduler("yearly")
    assert (changed.pattern, changed.data) == ("0 0 2 1 *", YEAR["data"])
    assert send("PUT", path, {**body, "data": {**shown, "n": 2}}).status_code == 422
    assert queue.get_job_scheduler("yearly").data == YEAR["data"]


def test_a_scheduler_runs_now_and_goes_on(post, queue):
    before = queue.get_job_scheduler("yearly").next
    added = post("/queues/emails/schedulers/yearly/run")
    job = queue.get_job(added["id"])
    assert (job.name, job.data, job.attempts) == ("report", YEAR["data"], 3)
    assert queue.get_job_scheduler("yearly").next == before


def test_a_scheduler_is_removed(post, refused, queue):
    assert post("/queues/emails/schedulers/yearly/remove") == {"removed": True}
    assert queue.get_job_schedulers_count() == 0
    assert refused("POST", "/queues/emails/schedulers/yearly/remove")[0] == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"pattern": "rubbish"}, {"every": 5, "pattern": "* * * * *"}, {"every": 5, "tz": "Mars"}],
)
def test_wrong_schedules_are_refused(refused, queue, body):
    assert refused("PUT", "/queues/emails/schedulers/new", body)[0] == 422
    assert queue.get_job_schedulers_count() == 1
