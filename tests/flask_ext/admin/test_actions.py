"""Actions on jobs and queues do what they say, and are written down."""

from __future__ import annotations

import pytest

from bullrush.core import Failed
from tests.support.trips import Hands


@pytest.fixture
def queue(binding):
    """A queue with one job that waits."""
    queue = binding.queue("emails")
    queue.add("send", {"to": "ann"}, job_id="one")
    return queue


def fail(queue):
    """Take the next job and fail it."""
    hands = Hands(queue)
    (delivery,) = hands.take()
    hands.commit(delivery, Failed("no such mailbox"))


def test_a_failed_job_runs_again(post, queue):
    fail(queue)
    assert post("/queues/emails/jobs/one/retry") == {"id": "one", "state": "waiting"}
    assert queue.get_job("one").attempts_made == 1
    fail(queue)
    post("/queues/emails/jobs/one/retry", {"resetAttempts": True})
    assert queue.get_job("one").attempts_made == 0


def test_a_job_that_waits_cannot_run_again(refused, queue):
    status, error = refused("POST", "/queues/emails/jobs/one/retry")
    assert (status, "waiting" in error) == (409, True)


def test_a_job_is_promoted_delayed_and_given_a_priority(post, queue):
    job = queue.add("send", delay=60_000)
    path = f"/queues/emails/jobs/{job.id}"
    post(f"{path}/delay", {"delay": 120_000})
    assert queue.get_job(job.id).delay == 120_000
    assert post(f"{path}/promote")["state"] == "waiting"
    assert post(f"{path}/priority", {"priority": 4})["state"] == "prioritized"


@pytest.mark.parametrize("body", [None, {}])
def test_a_route_that_needs_no_body_takes_an_empty_one(post, queue, body):
    post("/queues/emails/pause", body)
    assert queue.is_paused()


def test_a_route_that_needs_no_body_refuses_one_that_says_something(refused, queue):
    assert refused("POST", "/queues/emails/pause", {"for": 60})[0] == 400
    assert not queue.is_paused()


def test_a_job_is_removed(post, queue):
    assert post("/queues/emails/jobs/one/remove")["state"] == "removed"
    assert queue.get_job("one") is None


def test_a_job_that_a_worker_has_is_not_removed(refused, queue):
    Hands(queue).take()
    assert refused("POST", "/queues/emails/jobs/one/remove")[0] == 409
    assert queue.get_state("one") == "active"


def test_a_job_is_added(post, queue):
    options = {"jobId": "two", "priority": 2, "attempts": 3, "backoff": {"type": "exponential"}}
    added = post("/queues/emails/jobs", {"name": "send", "data": [1], "options": options})
    assert added == {"id": "two", "state": "prioritized"}
    job = queue.get_job("two")
    assert (job.data, job.attempts, job.opts["backoff"]["type"]) == ([1], 3, "exponential")


def test_a_job_is_changed_and_runs_again(post, queue):
    fail(queue)
    assert post("/queues/emails/jobs/one/edit", {"data": {"to": "bob"}})["state"] == "waiting"
    assert queue.get_job("one").data == {"to": "bob"}


def test_a_patch_keeps_what_is_not_shown(post, queue):
    queue.update_data("one", {"token": "hush", "to": {"name": "ann", "x": 1}})
    post("/queues/emails/jobs/one/edit", {"patch": {"to": {"name": "bob", "x": None}}})
    assert queue.get_job("one").data == {"token": "hush", "to": {"name": "bob"}}


def test_what_was_not_shown_cannot_be_written_back(refused, queue):
    body = {"data": {"token": "[redacted]"}}
    status, error = refused("POST", "/queues/emails/jobs/one/edit", body)
    assert (status, "patch" in error) == (422, True)
    assert queue.get_job("one").data == {"to": "ann"}


def test_a_copy_has_an_id_of_its_own(post, queue):
    queue.add("send", {"n": 1}, job_id="two", attempts=5, deduplication="x")
    copied = post("/queues/emails/jobs/two/duplicate", {"priority": 3})
    job = queue.get_job(copied["id"])
    assert job.id != "two"
    assert (job.name, job.data, job.attempts, job.priority) == ("send", {"n": 1}, 5, 3)
    assert job.deduplication_id is None


def test_a_queue_is_paused_and_resumed(post, get, queue):
    assert post("/queues/emails/pause")["paused"] is True
    assert queue.is_paused()
    assert get("/queues/emails")["paused"] is True
    assert post("/queues/emails/resume")["paused"] is False


def test_limits_are_set_and_lifted(send, queue):
    def put(path, body):
        return send("PUT", f"/queues/emails/{path}", body).get_json()["data"]

    assert put("concurrency", {"concurrency": 3})["concurrency"] == 3
    assert put("concurrency", {"concurrency": None})["concurrency"] is None
    limit = {"max": 5, "duration": 1000}
    assert put("rate-limit", limit)["rateLimit"] == limit
    assert put("rate-limit", {"max": None, "duration": None})["rateLimit"] is None


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/jobs", {}, "name"),
        ("POST", "/jobs", {"name": 5}, "name"),
        ("POST", "/jobs", {"name": "x", "options": {"priority": -1}}, "options.priority"),
        ("POST", "/jobs", {"name": "x", "options": {"parent": "y"}}, "options.parent"),
        ("POST", "/jobs/one/delay", {"delay": "5"}, "delay"),
        ("POST", "/jobs/one/priority", {"priority": True}, "priority"),
        ("POST", "/jobs/one/edit", {}, "data"),
        ("PUT", "/concurrency", {"concurrency": 0}, "concurrency"),
        ("PUT", "/rate-limit", {"max": 1, "duration": None}, "max"),
        ("POST", "/jobs/one/retry", {"reset": True}, "reset"),
    ],
)
def test_wrong_input_is_refused_by_the_name_of_the_field(refused, queue, method, path, body, field):
    before = queue.get_job("one")
    status, error = refused(method, f"/queues/emails{path}", body)
    assert (status, error.startswith(field)) == (422, True), error
    assert queue.get_job("one") == before
    assert queue.get_job_counts()["waiting"] == 1


def test_a_body_where_none_is_taken_is_refused(refused, queue):
    assert refused("POST", "/queues/emails/pause", {"x": 1})[0] == 400
    assert not queue.is_paused()


def test_what_is_done_is_written_down(post, get, queue):
    post("/queues/emails/pause")
    post("/queues/emails/jobs", {"name": "send", "data": "the payload"})
    newest, oldest = get("/audit")["entries"]
    assert (oldest["action"], oldest["queue"], oldest["role"]) == ("pause_queue", "emails", "admin")
    assert (newest["action"], newest["count"], newest["outcome"]) == ("add_job", 1, "done")
    assert "the payload" not in str((newest, oldest))


def test_what_is_refused_is_written_down(refused, get, queue):
    refused("POST", "/queues/emails/pause", who="viewer")
    refused("POST", "/queues/emails/jobs/one/retry", who="operator")
    refused("POST", "/queues/emails/jobs/one/delay", {"delay": "hush"})
    entries = get("/audit")["entries"][::-1]
    told = [(each["who"], each["action"], each["outcome"]) for each in entries]
    assert told == [
        ("viewer", "pause_queue", "refused: forbidden"),
        ("operator", "retry_job", "refused: conflict"),
        (entries[2]["who"], "change_delay", "refused: unprocessable entity"),
    ]
    assert not queue.is_paused()


def test_the_audit_log_is_read_page_by_page(post, get, queue):
    for _ in range(3):
        post("/queues/emails/pause")
    page = get("/audit?count=2")
    assert len(page["entries"]) == 2
    rest = get(f"/audit?count=2&before={page['next']}")
    assert (len(rest["entries"]), rest["next"]) == (1, None)


def test_who_only_reads_changes_nothing(refused, queue):
    for path in ("/pause", "/jobs/one/promote", "/jobs/one/remove", "/jobs"):
        assert refused("POST", f"/queues/emails{path}", who="viewer")[0] == 403
    assert refused("POST", "/queues/emails/jobs/one/remove", who="operator")[0] == 403
    assert queue.get_state("one") == "waiting"


def test_slashes_in_names_are_just_characters(post, get, binding):
    queue = binding.queue("a/b")
    queue.add("send", job_id="c/retry", delay=60_000)
    assert post("/queues/a%2Fb/pause")["name"] == "a/b"
    assert post("/queues/a%2Fb/jobs/c%2Fretry/promote")["state"] == "waiting"
    assert get("/queues/a%2Fb/jobs/c%2Fretry")["job"]["id"] == "c/retry"
