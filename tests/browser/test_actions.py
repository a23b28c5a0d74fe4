"""Every button of the dashboard, clicked."""

from __future__ import annotations

import pytest

from bullrush.core import BulkJob, Failed
from bullrush.core.clock import now_ms
from tests.support.trips import Hands
from tests.support.waiting import wait_until

from .chromium import PATIENCE

ROOT = "/admin/queues"


def fail_one(queue, data=None, reason="no such mailbox"):
    """A job that has failed."""
    job = queue.add("send", data or {"to": "ann"})
    hands = Hands(queue)
    (delivery,) = hands.take()
    hands.commit(delivery, Failed(reason))
    return job


def click(browser, do, text=""):
    """Click a button as soon as scripts have shown it."""
    browser.find("body[data-ready]")
    browser.click(f"[data-do='{do}']:not([hidden]):not(:disabled)", text)


def answer(browser, word="primary"):
    """Answer the question that is asked."""
    browser.click(f"dialog[open] button.{word}:not(:disabled)")


@pytest.fixture
def queue(binding):
    """A queue of its own."""
    return binding.queue("emails")


def test_a_queue_is_paused_and_goes_on(browser, queue):
    queue.add("send")
    browser.open(f"{ROOT}/queue?name=emails")
    click(browser, "pause")
    assert browser.find(".toast", "emails is paused")
    assert queue.is_paused()
    assert browser.find("#queue-head .badge", "paused")
    click(browser, "resume")
    wait_until(lambda: not queue.is_paused(), PATIENCE)
    assert browser.find("[data-do=pause]")


def test_limits_are_set_and_lifted(browser, queue):
    queue.add("send")
    browser.open(f"{ROOT}/queue?name=emails")
    click(browser, "limits")
    for name, value in (("concurrency", "3"), ("max", "10"), ("duration", "1000")):
        browser.find(f"dialog input[name={name}]").send_keys(value)
    answer(browser)
    assert browser.find("#queue-head .badge", "at most 3")
    assert browser.find("#queue-head .badge", "10 per 1 s")
    limit = queue.get_global_rate_limit()
    assert (queue.get_global_concurrency(), limit.max, limit.duration) == (3, 10, 1000)
    click(browser, "limits")
    for name in ("concurrency", "max", "duration"):
        browser.find(f"dialog input[name={name}]").clear()
    answer(browser)
    wait_until(lambda: queue.get_global_concurrency() is None, PATIENCE)
    wait_until(lambda: queue.get_global_rate_limit() is None, PATIENCE)


def test_a_failed_job_runs_again(browser, queue):
    job = fail_one(queue)
    browser.open(f"{ROOT}/job?queue=emails&id={job.id}")
    click(browser, "retry")
    assert browser.find(".toast", "The job is waiting")
    assert queue.get_state(job.id) == "waiting"
    assert browser.find("#job-head .state", "waiting")


def test_a_payload_is_edited_before_the_job_runs_again(browser, queue):
    job = fail_one(queue, {"to": "ann", "n": 1})
    browser.open(f"{ROOT}/job?queue=emails&id={job.id}")
    click(browser, "edit-retry")
    field = browser.find("dialog textarea")
    assert '"n": 1' in field.get_attribute("value")
    browser.run("arguments[0].value = '{broken'", field)
    answer(browser)
    assert browser.find("dialog .problem", "This is no JSON")
    assert queue.get_state(job.id) == "failed"
    browser.run("arguments[0].value = arguments[1]", browser.find("dialog textarea"), '{"n": 2}')
    answer(browser)
    wait_until(lambda: queue.get_state(job.id) == "waiting", PATIENCE)
    assert queue.get_job(job.id).data == {"n": 2}


def test_a_delayed_job_runs_now(browser, queue):
    job = queue.add("send", delay=600_000)
    browser.open(f"{ROOT}/job?queue=emails&id={job.id}")
    click(browser, "promote")
    wait_until(lambda: queue.get_state(job.id) == "waiting", PATIENCE)


def test_a_job_is_removed_only_after_a_yes(browser, queue):
    job = queue.add("send")
    browser.open(f"{ROOT}/job?queue=emails&id={job.id}")
    click(browser, "remove")
    browser.click("dialog .buttons button", "Cancel")
    wait_until(lambda: not browser.all("dialog"), PATIENCE)
    assert queue.get_job(job.id) is not None
    click(browser, "remove")
    answer(browser)
    wait_until(lambda: queue.get_job(job.id) is None, PATIENCE)
    assert browser.find(".toast", "The job is removed")
    assert browser.find("#queue-head h1", "emails")


def test_an_action_that_is_refused_says_why(browser, queue):
    job = queue.add("send", delay=600_000)
    browser.open(f"{ROOT}/job?queue=emails&id={job.id}")
    browser.find("body[data-ready]")
    queue.promote(job.id)
    browser.run("document.querySelector('[data-do=promote]').click()")
    assert browser.find(".toast.bad", "delayed")
    browser.complaints()  # 409


def test_chosen_jobs_run_again_or_go(browser, queue):
    jobs = [fail_one(queue) for _ in range(3)]
    browser.open(f"{ROOT}/queue?name=emails&state=failed")
    browser.find("body[data-ready]")
    for job in jobs[:2]:
        browser.click(f"[data-id='{job.id}']")
    click(browser, "retry-chosen")
    assert browser.find("dialog p", "2 jobs, such as send")
    answer(browser)
    wait_until(lambda: queue.get_job_counts("waiting", "failed") == {"waiting": 2, "failed": 1})
    assert browser.find(".toast", "2 jobs run again")
    browser.click(f"[data-id='{jobs[2].id}']")
    click(browser, "remove-chosen")
    answer(browser)
    wait_until(lambda: queue.get_failed_count() == 0, PATIENCE)


def test_what_was_chosen_stays_chosen_when_the_action_is_called_off(browser, queue):
    jobs = [fail_one(queue) for _ in range(3)]
    browser.open(f"{ROOT}/queue?name=emails&state=failed")
    browser.find("body[data-ready]")
    for job in jobs[:2]:
        browser.click(f"[data-id='{job.id}']")
    click(browser, "remove-chosen")
    browser.click("dialog[open] button", "Cancel")
    assert browser.find("[data-chosen]", "2")
    click(browser, "remove-chosen")
    answer(browser)
    wait_until(lambda: queue.get_failed_count() == 1, PATIENCE)


def test_what_was_removed_comes_back_by_undo(browser, queue):
    job = fail_one(queue, {"to": "ann"})
    browser.open(f"{ROOT}/queue?name=emails&state=failed")
    browser.find("body[data-ready]")
    browser.click("[data-choose-all]")
    click(browser, "remove-chosen")
    answer(browser)
    browser.click(".toast button", "Undo")
    assert browser.find(".toast", "1 job brought back")
    assert queue.get_state(job.id) == "failed"
    assert queue.get_job(job.id).data == {"to": "ann"}
    assert browser.find("table.jobs td.name", "send")


def test_delayed_jobs_run_now_all_or_those_that_are_chosen(browser, queue):
    for _ in range(4):
        queue.add("send", delay=600_000)
    browser.open(f"{ROOT}/queue?name=emails&state=delayed")
    browser.find("body[data-ready]")
    browser.click("[data-id='1']")
    click(browser, "promote-chosen")
    answer(browser)
    wait_until(lambda: queue.get_waiting_count() == 1, PATIENCE)
    click(browser, "promote-all")
    answer(browser)
    wait_until(lambda: queue.get_waiting_count() == 4, PATIENCE)


def test_all_failed_jobs_run_again_and_a_dry_run_changes_nothing(browser, queue):
    for _ in range(3):
        fail_one(queue)
    browser.open(f"{ROOT}/queue?name=emails&state=failed")
    click(browser, "retry-all")
    assert browser.find("dialog p", "3 jobs")
    assert queue.get_failed_count() == 3
    answer(browser)
    wait_until(lambda: queue.get_waiting_count() == 3, PATIENCE)


def test_more_than_a_thousand_jobs_have_to_be_typed(browser, queue):
    queue.add_bulk([BulkJob("send")] * 1001)
    browser.open(f"{ROOT}/queue?name=emails&state=waiting")
    click(browser, "drain")
    answer(browser)
    field = browser.find("dialog input[name=exactly]")
    assert browser.find("dialog .primary").get_attribute("disabled")
    field.send_keys("1000")
    assert browser.find("dialog .primary").get_attribute("disabled")
    field.clear()
    field.send_keys("1001")
    answer(browser)
    wait_until(lambda: queue.get_waiting_count() == 0, PATIENCE)


def test_old_jobs_are_cleaned(browser, queue):
    fail_one(queue)
    browser.open(f"{ROOT}/queue?name=emails&state=failed")
    click(browser, "clean")
    hours = browser.find("dialog input[name=hours]")
    answer(browser)
    assert browser.find(".toast", "No job to do that with")
    click(browser, "clean")
    hours = browser.find("dialog input[name=hours]")
    hours.clear()
    hours.send_keys("0")
    answer(browser)
    browser.find("dialog h2", "Clean emails?")
    answer(browser)
    wait_until(lambda: queue.get_failed_count() == 0, PATIENCE)


def test_a_queue_is_obliterated_only_when_its_number_of_jobs_is_typed(browser, binding, queue):
    queue.add("send")
    browser.open(f"{ROOT}/queue?name=emails")
    click(browser, "obliterate")
    browser.find("dialog input[name=exactly]").send_keys("1")
    answer(browser)
    wait_until(lambda: queue.get_job_counts()["waiting"] == 0, PATIENCE)
    wait_until(lambda: not binding.driver.execute(("EXISTS", queue.keys.meta)), PATIENCE)
    browser.find(".toast", "gone with the queue")
    browser.complaints()  # the page of a queue that has gone was asked for: 404


def test_a_group_of_errors_runs_again(browser, queue):
    fail_one(queue, reason="mailbox 1 is full")
    fail_one(queue, reason="mailbox 2 is full")
    fail_one(queue, reason="no route to host")
    browser.open(f"{ROOT}/errors")
    browser.find("body[data-ready]")
    fingerprint = browser.run(
        "return [...document.querySelectorAll('#errors tr')]"
        ".find((row) => row.textContent.includes('is full'))"
        ".querySelector('[data-do=retry-group]').dataset.fingerprint"
    )
    browser.click(f"[data-fingerprint='{fingerprint}']")
    assert browser.find("dialog p", "2 jobs")
    answer(browser)
    wait_until(lambda: queue.get_job_counts("waiting", "failed") == {"waiting": 2, "failed": 1})


def test_a_scheduler_is_changed_and_keeps_what_the_form_does_not_have(browser, queue):
    later = now_ms() + 10**9
    options = {"attempts": 4, "backoff": {"type": "fixed", "delay": 500}, "remove_on_complete": 9}
    queue.upsert_job_scheduler(
        "digest",
        pattern="0 3 * * *",
        name="send",
        data={"to": "ann"},
        end_date=later,
        options=options,
    )
    browser.open(f"{ROOT}/schedulers")
    click(browser, "change-scheduler")
    pattern = browser.find("dialog input[name=pattern]")
    pattern.clear()
    pattern.send_keys("every day")
    answer(browser)
    assert browser.find("dialog .problem", "pattern")
    pattern.clear()
    pattern.send_keys("30 8 * * 1-5")
    browser.find("dialog input[name=tz]").send_keys("Europe/Berlin")
    answer(browser)
    assert browser.find(".toast", "digest runs next at")
    assert browser.find("#schedulers td", "Europe/Berlin")
    found = queue.get_job_scheduler("digest")
    assert (found.pattern, found.tz) == ("30 8 * * 1-5", "Europe/Berlin")
    assert (found.name, found.data, found.end_date) == ("send", {"to": "ann"}, later)
    assert found.options == options
    browser.complaints()  # 422 of the pattern


def test_a_scheduler_runs_now_and_goes(browser, queue):
    queue.upsert_job_scheduler("a/b c", pattern="0 3 * * *", name="digest")
    browser.open(f"{ROOT}/schedulers")
    click(browser, "run-scheduler")
    assert browser.find(".toast", "is waiting")
    assert [job.name for job in queue.get_waiting()] == ["digest"]
    click(browser, "remove-scheduler")
    answer(browser)
    wait_until(lambda: queue.get_job_schedulers_count() == 0, PATIENCE)
    assert browser.find("#schedulers", "No queue has a job scheduler")


@pytest.mark.parametrize(
    ("role", "offered"),
    [("read", set()), ("operate", {"add-job", "pause", "limits", "retry-chosen", "retry-all"})],
)
def test_a_role_sees_only_what_it_may_do(browser, site, queue, role, offered):
    fail_one(queue)
    browser.sign_in(site, f"a token that may {role}")
    browser.open(f"{ROOT}/queue?name=emails&state=failed")
    browser.find("body[data-ready]")
    shown = browser.run(
        "return [...document.querySelectorAll('[data-do]:not([hidden])')]"
        ".map((each) => each.dataset.do)"
    )
    assert set(shown) == offered


def test_actions_work_after_a_login_by_the_form_and_write_the_audit_log(browser, site, queue):
    queue.add("send")
    browser.command("Network.setExtraHTTPHeaders", headers={})
    browser.root = site
    browser.open(f"{ROOT}/queue?name=emails")
    browser.find("#token").send_keys("correct horse battery staple")
    browser.click("button[type=submit]")
    browser.find("#queue-head h1", "emails")
    click(browser, "pause")
    wait_until(queue.is_paused, PATIENCE)
    browser.open(f"{ROOT}/audit")
    assert browser.find("#audit td", "pause_queue")
    assert "emails" in browser.text("#audit")
    browser.click("form button", "Log out")
    browser.find("#token")
    browser.page.delete_all_cookies()
