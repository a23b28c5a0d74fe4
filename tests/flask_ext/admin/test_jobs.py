"""Jobs are listed, found and explained."""

from __future__ import annotations

import pytest

from bullrush.core import Completed, Failed, RawJson
from bullrush.core.flow import FlowJob, FlowProducer
from tests.support.trips import Hands


@pytest.fixture
def queue(binding):
    """A queue that the application does not name."""
    return binding.queue("emails")


def fail(queue, reason="no such mailbox", stack="", most=1):
    """Take the next jobs and fail them."""
    hands = Hands(queue)
    for delivery in hands.take(most):
        hands.commit(delivery, Failed(reason, stack))


def test_a_state_is_listed_page_by_page(get, queue):
    for number in range(5):
        queue.add("send", number)
    first = get("/queues/emails/jobs?state=waiting&count=3")
    assert [job["data"] for job in first["jobs"]] == [0, 1, 2]
    assert (first["total"], first["next"]) == (5, 3)
    second = get(f"/queues/emails/jobs?count=3&start={first['next']}")
    assert [job["data"] for job in second["jobs"]] == [3, 4]
    assert second["next"] is None


def test_ended_jobs_are_listed_newest_first(get, queue):
    for number in range(3):
        queue.add("send", number)
        fail(queue)
    listed = get("/queues/emails/jobs?state=failed")["jobs"]
    assert [job["data"] for job in listed] == [2, 1, 0]
    turned = get("/queues/emails/jobs?state=failed&order=last")["jobs"]
    assert [job["data"] for job in turned] == [0, 1, 2]


def test_a_job_is_found_by_its_id(get, queue):
    queue.add("send", job_id="invoice-7", delay=60_000)
    (found,) = get("/queues/emails/jobs?id=invoice-7")["jobs"]
    assert (found["id"], found["state"]) == ("invoice-7", "delayed")
    assert get("/queues/emails/jobs?id=nobody")["jobs"] == []


def test_jobs_are_found_by_name_and_by_what_they_carry(get, queue):
    queue.add("send-invoice", {"to": "Ann@example.org"})
    queue.add("send-reminder", {"to": "bob@example.org"})
    queue.add("clean", {"to": "ann"})

    def names(query):
        return [job["name"] for job in get(f"/queues/emails/jobs?{query}")["jobs"]]

    assert names("name=send-*") == ["send-invoice", "send-reminder"]
    assert names("search=ann") == ["send-invoice", "clean"]
    assert names("search=ann&name=clean") == ["clean"]


def test_a_search_looks_at_so_many_jobs_and_says_where_to_go_on(get, queue):
    for number in range(30):
        queue.add("send", f"n{number}")
    page = get("/queues/emails/jobs?search=n29&scan=20")
    assert (page["jobs"], page["scanned"], page["next"]) == ([], 20, 20)
    page = get("/queues/emails/jobs?search=n29&scan=20&start=20")
    assert [job["data"] for job in page["jobs"]] == ["n29"]


def test_a_search_does_not_find_what_is_not_shown(get, queue):
    queue.add("send", {"password": "hunter2"})
    assert get("/queues/emails/jobs?search=hunter")["jobs"] == []
    assert get("/queues/emails/jobs")["jobs"][0]["data"] == {"password": "[redacted]"}


def test_one_job_comes_with_everything_but_secrets(get, queue):
    job = queue.add("send", {"token": "hush", "to": "ann"}, attempts=3, priority=2)
    queue.add_log(job.id, "password=hush")
    fail(queue, "api_key=hush is wrong", "Error: hush\n    at run (/app/mail.js:3:1)")
    found = get(f"/queues/emails/jobs/{job.id}")
    shown = found["job"]
    assert shown["data"] == {"token": "[redacted]", "to": "ann"}
    assert shown["opts"]["attempts"] == 3
    assert shown["logs"] == ["password=[redacted]"]
    assert shown["failures"][0]["number"] == 1
    assert shown["state"] == "failed"
    assert "hush is wrong" not in str(found)


def test_a_damaged_job_does_not_break_the_list(get, queue):
    queue.add("send", RawJson("{broken"))
    queue.add("send", 1)
    assert [job["data"] for job in get("/queues/emails/jobs")["jobs"]] == ["{broken", 1]


def test_the_log_is_read_page_by_page(get, queue):
    job = queue.add("send")
    for number in range(4):
        queue.add_log(job.id, f"row {number}")
    page = get(f"/queues/emails/jobs/{job.id}/logs?start=1&count=2")
    assert page == {"logs": ["row 1", "row 2"], "total": 4}


def test_a_tree_is_shown_across_queues(get, binding):
    flows = FlowProducer(driver=binding.driver, prefix=binding.settings.prefix)
    children = [FlowJob("weld", "doors", {"side": side}) for side in ("left", "right")]
    root = flows.add(FlowJob("assemble", "cars", children=children))
    tree = get(f"/queues/cars/jobs/{root.job.id}/flow")
    assert (tree["name"], tree["state"]) == ("assemble", "waiting-children")
    assert [(node["queue"], node["state"]) for node in tree["children"]] == [
        ("doors", "waiting"),
        ("doors", "waiting"),
    ]


def codes(get, queue, job_id):
    """The codes of the reasons for which a job is where it is."""
    return [reason["code"] for reason in get(f"/queues/{queue.name}/jobs/{job_id}")["why"]]


def test_why_a_job_waits_is_told(get, queue, binding):
    job = queue.add("send")
    assert codes(get, queue, job.id) == ["no-workers"]
    queue.pause()
    assert codes(get, queue, job.id) == ["paused", "no-workers"]
    queue.resume()
    queue.set_global_concurrency(1)
    other = queue.add("send", lifo=True)
    Hands(queue).take()
    assert codes(get, queue, job.id) == ["no-workers", "concurrency"]
    assert codes(get, queue, other.id) == ["active"]
    later = queue.add("send", delay=3_600_000)
    assert codes(get, queue, later.id)[0] == "delay"


def test_why_a_parent_waits_is_told(get, queue, binding):
    flows = FlowProducer(driver=binding.driver, prefix=binding.settings.prefix)
    root = flows.add(FlowJob("merge", "emails", children=[FlowJob("part", "emails")]))
    (reason,) = get(f"/queues/emails/jobs/{root.job.id}")["why"]
    assert reason == {"code": "children", "text": "It waits for 1 child."}


def test_a_completed_job_waits_for_nothing(get, queue):
    job = queue.add("send")
    hands = Hands(queue)
    (delivery,) = hands.take()
    hands.commit(delivery, Completed({"ok": True}))
    found = get(f"/queues/emails/jobs/{job.id}")
    assert (found["why"], found["job"]["returnvalue"]) == ([], {"ok": True})


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/queues/nowhere/jobs", 404),
        ("/queues/emails/jobs/nobody", 404),
        ("/queues/emails/jobs/nobody/flow", 404),
        ("/queues/emails/jobs?state=resting", 422),
        ("/queues/emails/jobs?count=1000", 422),
        ("/queues/emails/jobs?start=-1", 422),
        ("/queues/emails/jobs?stat=failed", 422),
        ("/queues/emails/jobs?state=failed&state=waiting", 422),
        ("/audit?before=00-00", 422),
        ("/queues/emails?x=1", 400),
    ],
)
def test_wrong_questions_are_refused(refused, queue, path, status):
    queue.add("send")
    assert refused("GET", path)[0] == status


def test_a_refusal_names_the_field(refused, queue):
    queue.add("send")
    assert refused("GET", "/queues/emails/jobs?count=0")[1].startswith("count: ")


def test_data_that_operators_may_not_see_is_not_shown(make_app, token):
    app = make_app(BULLRUSH_ADMIN_JOB_DATA=False)
    queue = app.extensions["bullrush"].queue("emails")
    job = queue.add("send", {"note": "hush"})
    queue.update_progress(job.id, "hush")
    queue.add_log(job.id, "hush")
    headers = {"Authorization": f"Bearer {token}"}
    base = "/api/admin/queues/emails/jobs"
    for path in (base, f"{base}/{job.id}", f"{base}/{job.id}/logs", f"{base}?search=hush"):
        answer = app.test_client().get(path, headers=headers)
        assert answer.status_code == 200
        assert "hush" not in answer.text


def test_the_page_of_a_job_says_why_as_the_answer_does(get, client, token, queue):
    jobs = [queue.add("send"), queue.add("send"), queue.add("send", delay=3_600_000)]
    queue.pause()
    for job in jobs:
        headers = {"Authorization": f"Bearer {token}"}
        page = client.get(f"/admin/queues/job?queue=emails&id={job.id}", headers=headers).text
        why = get(f"/queues/emails/jobs/{job.id}")["why"]
        assert why
        assert all(reason["text"].partition(", in ")[0] in page for reason in why)
    assert "line" in codes(get, queue, jobs[1].id)
