"""What is configured, what may be wrong with it, and whose jobs there are: without secrets."""

from __future__ import annotations

import pytest

from bullrush.flask_ext.server import COMMANDS
from tests.support.counting import CountingDriver


def test_the_doctor_answers_as_json(get, binding):
    binding.queue("lonely").add("send")
    said = get("/doctor")
    found = {each["check"]: each for each in said["findings"]}
    assert found["connection"]["status"] == "ok"
    assert found["queue lonely"]["status"] == "warn"
    assert "bullrush worker -Q lonely" in found["queue lonely"]["fix"]
    assert said["status"] in ("warn", "fail")
    server = said["server"]
    assert (server["role"], server["volatile"]) == ("master", False)
    assert server["memory"] > 0
    assert server["clients"] > 0


def test_the_doctor_answers_without_redis_and_names_no_secret(ask_of, make_app, refusing_url):
    app = make_app(BULLRUSH_REDIS_URL=refusing_url)
    answer = ask_of(app, "/api/admin/doctor")
    assert answer.status_code == 200
    assert answer.get_json()["data"]["status"] == "fail"
    assert "hush" not in answer.text
    page = ask_of(app, "/admin/queues/redis")
    assert page.status_code == 200
    assert "does not work" in page.text
    assert "hush" not in page.text


def test_the_doctor_does_not_wait_twice_for_a_redis_that_is_away(ask_of, make_app, refusing_url):
    app = make_app(BULLRUSH_REDIS_URL=refusing_url)
    celery = app.extensions["bullrush"].celery
    counter = celery._driver = CountingDriver(celery.driver)
    said = ask_of(app, "/api/admin/doctor").json["data"]
    assert said["status"] == "fail"
    assert said["server"]["version"] is None
    assert counter.commands < len(COMMANDS), "what Redis says of itself was not asked for"


@pytest.fixture
def secretive(make_app, redis_url):
    """An application with secrets wherever one can be."""
    return make_app(
        BULLRUSH_TOKENS={"ann": {"token": "hush-1-of-ann-very-long", "role": "operate"}},
        BULLRUSH_JWT={"algorithms": ["HS256"], "key": "hush-2-" + "x" * 40},
        BULLRUSH_ADMIN_TOKEN="hush-3-" + "y" * 20,
        BULLRUSH_EMBEDDED=False,
        CELERY={
            "task_time_limit": 77,
            "result_backend": "redis://:hush-4@127.0.0.1:1/0",
            "broker_transport_options": {"sentinel_kwargs": {"password": "hush-5"}},
        },
    )


def test_settings_are_shown_without_secrets(secretive):
    headers = {"Authorization": "Bearer hush-3-" + "y" * 20}
    client = secretive.test_client()
    answer = client.get("/api/admin/settings", headers=headers)
    said = answer.get_json()["data"]
    celery = {each["name"]: each["value"] for each in said["celery"]}
    assert celery["task_time_limit"] == "77"
    flask = {each["name"]: each for each in said["flask"]}
    assert flask["BULLRUSH_ADMIN_TOKEN"]["value"] == "is set"
    assert "ann (operate)" in flask["BULLRUSH_TOKENS"]["value"]
    assert flask["BULLRUSH_JWT"]["value"] == "HS256"
    assert flask["BULLRUSH_PREFIX"]["source"] == "settings"
    assert flask["BULLRUSH_URL_PREFIX"]["source"] == "default"
    assert {each["name"] for each in said["connection"]} >= {"redis", "prefix", "driver"}
    page = client.get("/admin/queues/settings", headers=headers)
    assert page.status_code == 200
    assert "task_time_limit" in page.text
    for text in (answer.text, page.text):
        assert "hush" not in text


def test_tenants_are_counted_over_all_queues(get, binding, monkeypatch):
    monkeypatch.setenv("EXECUTION_TENANT_CONCURRENCY", "2")
    emails, reports = binding.queue("emails"), binding.queue("reports")
    for queue, tenant in ((emails, "acme"), (emails, "acme"), (reports, "acme"), (reports, "zeta")):
        queue.add("run", {"tenantId": tenant})
    emails.add("run", {"tenantId": "zeta"}, delay=60_000)
    emails.add("run")
    said = get("/tenants")
    assert (said["limit"], said["field"], said["complete"]) == (2, "tenantId", True)
    acme, zeta, nobody = said["tenants"]
    assert acme["queues"] == {"emails": 2, "reports": 1}
    assert (acme["tenant"], acme["total"], acme["share"]) == ("acme", 3, 0.6)
    assert (zeta["jobs"], zeta["share"]) == ({"waiting": 1, "delayed": 1}, 0.2)
    assert nobody["tenant"] is None
    assert get("/tenants?scan=1")["complete"] is False


def test_the_field_that_names_the_tenant_can_be_another(get, binding, monkeypatch):
    monkeypatch.setenv("EXECUTION_TENANT_FIELD", "customer")
    binding.queue("emails").add("run", {"kwargs": {"customer": "acme"}})
    (row,) = get("/tenants")["tenants"]
    assert row["tenant"] == "acme"


def test_tasks_are_listed_with_what_they_take(get, binding):
    @binding.celery.task(name="shop.greet", bind=True)
    def greet(self, name, greeting="hello", *rest, at=None, key=..., **others):
        pass

    rows = {row["name"]: row for row in get("/tasks")["tasks"]}
    wanted = {"name": None, "greeting": "hello", "at": None}
    assert rows["shop.greet"]["data"].items() >= wanted.items()
    assert rows["shop.greet"]["call"].startswith("(name, greeting='hello'")
    assert not any(name.startswith("celery.") for name in rows)


def test_a_job_can_be_checked_against_its_task(post, refused, binding):
    @binding.celery.task(name="shop.greet")
    def greet(name):
        pass

    queue = binding.queue("emails")
    queue.set_global_concurrency(5)
    wrong = {"name": "shop.greet", "data": {"nam": "ann"}}
    status, error = refused("POST", "/queues/emails/jobs", {**wrong, "check": True})
    assert (status, "nam" in error) == (422, True)
    assert refused("POST", "/queues/emails/jobs", {**wrong, "data": 5, "check": True})[0] == 422
    assert queue.get_job_counts()["waiting"] == 0
    right = {"name": "shop.greet", "data": {"args": ["ann"], "kwargs": {}}, "check": True}
    assert post("/queues/emails/jobs", right)["state"] == "waiting"
    assert post("/queues/emails/jobs", wrong)["state"] == "waiting"  # nobody asked
    assert post("/queues/emails/jobs", {"name": "of-node", "check": True})["state"] == "waiting"


def test_a_deploy_is_marked_and_listed(get, post, refused):
    marked = post("/deploys", {"text": "v1.2"})
    assert marked["text"] == "v1.2"
    assert get("/deploys")["deploys"] == [marked]
    assert refused("POST", "/deploys", {"text": "two\nlines"})[0] == 422
    assert refused("POST", "/deploys", {"text": "v1"}, who="viewer")[0] == 403
