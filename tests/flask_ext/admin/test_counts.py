"""The admin JSON has the shapes that its readers know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bullrush.core import Failed, Queue, RawJson
from bullrush.core.drivers import connect
from tests.support.trips import Hands

ZEROS = {"waiting": 0, "active": 0, "completed": 0, "failed": 0, "delayed": 0}


def fail(queue, reason="no such mailbox"):
    """Take the next job and fail it."""
    hands = Hands(queue)
    (delivery,) = hands.take()
    hands.commit(delivery, Failed(reason))


@pytest.mark.row(145)
def test_all_queues_with_their_counts(ask, binding):
    binding.queue("embeddings").add("generate-embedding", {"userId": "user-123"})
    binding.queue("email-sync").add("sync-gmail", {}, delay=60_000)
    answer = ask("/api/admin/queues")
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert answer.get_json() == {
        "queues": {
            "email-queue": ZEROS,
            "email-sync": {**ZEROS, "delayed": 1},
            "embeddings": {**ZEROS, "waiting": 1},
        }
    }


@pytest.mark.row(155)
def test_a_new_queue_is_seen_without_a_restart(ask, binding):
    ask("/api/admin/queues")
    binding.queue("notifications").add("send-notification")
    assert ask("/api/admin/queues").get_json()["queues"]["notifications"]["waiting"] == 1


def test_prioritized_jobs_count_as_waiting(ask, binding):
    queue = binding.queue("emails")
    queue.add("send")
    queue.add("send", priority=3)
    assert ask("/api/admin/queues").get_json()["queues"]["emails"]["waiting"] == 2
    assert ask("/api/v1/admin/emails/queue").get_json()["data"]["stats"]["waiting"] == 2


@pytest.mark.row(140, 141)
def test_one_queue_by_its_alias(ask, binding):
    queue = binding.queue("email-queue")
    for _ in range(2):
        queue.add("send")
    queue.add("send", delay=60_000)
    Hands(queue).take()
    answer = ask("/api/v1/admin/email/queue")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "success": True,
        "data": {
            "stats": {**ZEROS, "waiting": 1, "active": 1, "delayed": 1, "total": 3},
            "failedJobs": [],
        },
    }


def test_one_queue_by_its_own_name(ask, binding):
    binding.queue("workflow.execute").add("run")
    answer = ask("/api/v1/admin/workflow.execute/queue")
    assert answer.get_json()["data"]["stats"]["total"] == 1


@pytest.mark.row(142)
def test_failed_jobs_come_with_reason_attempts_time_and_data(ask, binding):
    queue = binding.queue("email-queue")
    job = queue.add("send", {"to": "ann@example.org"}, timestamp=1_700_000_000_000)
    fail(queue)
    data = ask("/api/v1/admin/email/queue").get_json()["data"]
    assert data["stats"] == {**ZEROS, "failed": 1, "total": 1}
    assert data["failedJobs"] == [
        {
            "id": job.id,
            "name": "send",
            "failedReason": "no such mailbox",
            "attemptsMade": 1,
            "timestamp": 1_700_000_000_000,
            "data": {"to": "ann@example.org"},
        }
    ]


def test_the_newest_fifty_failed_jobs_are_shown(ask, binding):
    queue = binding.queue("email-queue")
    for number in range(52):
        queue.add("send", number)
        fail(queue)
    data = ask("/api/v1/admin/email/queue").get_json()["data"]
    assert data["stats"]["failed"] == 52
    assert [job["data"] for job in data["failedJobs"]][:2] == [51, 50]
    assert len(data["failedJobs"]) == 50


def test_data_can_be_kept_from_operators(make_app, token):
    app = make_app(BULLRUSH_ADMIN_JOB_DATA=False)
    queue = app.extensions["bullrush"].queue("emails")
    queue.add("send", {"password": "hush"})
    fail(queue)
    headers = {"Authorization": f"Bearer {token}"}
    answer = app.test_client().get("/api/v1/admin/emails/queue", headers=headers)
    assert "hush" not in answer.text
    assert "data" not in answer.get_json()["data"]["failedJobs"][0]


@pytest.mark.parametrize("text", ["{broken", '{"size": NaN}', "[" * 20_000 + "]" * 20_000])
def test_data_without_a_json_form_is_shown_as_text(ask, binding, text):
    queue = binding.queue("emails")
    queue.add("send", RawJson(text))
    fail(queue)
    (job,) = ask("/api/v1/admin/emails/queue").get_json()["data"]["failedJobs"]
    assert job["data"] == text


@pytest.mark.parametrize("name", ["never-used", "a:b", "a%0Ab", "%2A", "x" * 5000])
def test_a_queue_that_does_not_exist_is_not_found(ask, name):
    answer = ask(f"/api/v1/admin/{name}/queue")
    assert answer.status_code == 404
    assert answer.get_json()["success"] is False


def test_a_named_queue_without_jobs_is_found(ask):
    stats = ask("/api/v1/admin/email/queue").get_json()["data"]["stats"]
    assert stats == {**ZEROS, "total": 0}


def test_keys_of_others_do_not_break_the_list(ask, binding):
    driver, prefix = binding.driver, binding.settings.prefix
    driver.execute(("HSET", f"{prefix}:two\nlines:meta", "version", "1"))
    driver.execute(("HSET", f"{prefix}::bullrush:emails:meta", "version", "1"))
    assert ask("/api/admin/queues").get_json() == {"queues": {"email-queue": ZEROS}}


def test_a_queue_of_another_prefix_is_not_shown(ask, redis_url):
    with Queue("elsewhere", driver=connect(redis_url), prefix="other") as queue:
        queue.add("run")
    assert "elsewhere" not in ask("/api/admin/queues").get_json()["queues"]
    assert ask("/api/v1/admin/elsewhere/queue").status_code == 404


def test_the_same_on_memory(make_app, token, queue_name):
    app = make_app(BULLRUSH_REDIS_URL=f"memory://{queue_name}")
    app.extensions["bullrush"].queue("emails").add("send", priority=1)
    headers = {"Authorization": f"Bearer {token}"}
    answer = app.test_client().get("/api/admin/queues", headers=headers)
    assert answer.get_json() == {"queues": {"emails": {**ZEROS, "waiting": 1}}}


@pytest.mark.parametrize("path", ["/api/admin/queues", "/api/v1/admin/email/queue"])
def test_without_redis_the_answer_is_503_and_names_no_host(make_app, token, refusing_url, path):
    app = make_app(BULLRUSH_REDIS_URL=refusing_url, BULLRUSH_QUEUE_ALIASES={"email": "mail"})
    headers = {"Authorization": f"Bearer {token}"}
    answer = app.test_client().get(path, headers=headers)
    assert answer.status_code == 503
    assert answer.get_json() == {"success": False, "error": "Redis is not available"}


def test_the_log_has_the_reason_without_the_password(make_app, token, refusing_url, caplog):
    app = make_app(BULLRUSH_REDIS_URL=refusing_url)
    headers = {"Authorization": f"Bearer {token}"}
    app.test_client().get("/api/admin/queues", headers=headers)
    assert "127.0.0.1" in caplog.text
    assert "hush" not in caplog.text


def test_the_routes_move_with_their_prefix(make_app, token):
    client = make_app(BULLRUSH_URL_PREFIX="/internal").test_client()
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/internal/admin/queues", headers=headers).status_code == 200
    assert client.get("/api/admin/queues", headers=headers).status_code == 404


def test_answers_are_not_stored_and_not_sniffed(ask):
    headers = ask("/api/admin/queues").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.row(140, 141, 142, 145)
def test_answers_are_those_of_the_golden_files(ask, binding):
    queue = binding.queue("email-queue")
    for number in range(2):
        queue.add("send", {"to": "ann"}, job_id=f"j{number}", timestamp=1_700_000_000_000)
        fail(queue)
    queue.add("send")
    queue.add("send", delay=60_000)
    queue.add("send", priority=1)
    Hands(queue).take()
    for name, path in (
        ("queue", "/api/v1/admin/email/queue"),
        ("queues", "/api/admin/queues"),
    ):
        text = (Path(__file__).parent / "golden" / f"{name}.json").read_text()
        assert ask(path).get_json() == json.loads(text)


@pytest.mark.row(143)
def test_a_token_with_a_role_is_needed(client, ask):
    assert client.get("/api/v1/admin/email/queue").status_code == 401
    assert ask("/api/v1/admin/email/queue").status_code == 200
