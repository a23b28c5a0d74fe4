"""Forms for jobs: what is typed is checked by the server, and what is wrong can be mended."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.support.waiting import wait_until

from .chromium import PATIENCE
from .test_actions import answer, click

ROOT = "/admin/queues"


@pytest.fixture
def queue(binding):
    """A queue that is known."""
    queue = binding.queue("emails")
    queue.set_global_concurrency(5)
    return queue


def fill(browser, **values):
    """Type into the fields of the form."""
    for name, value in values.items():
        field = browser.find(f"dialog [name={name}]")
        field.clear()
        field.send_keys(value)


def test_a_job_is_added_by_a_form_and_shown(browser, queue):
    browser.open(f"{ROOT}/queue?name=emails")
    click(browser, "add-job")
    fill(browser, name="send", data='{"to": "ann"}', delay="600000", attempts="3", jobId="hello")
    answer(browser)
    assert browser.find("#job-head code", "hello")
    assert browser.find(".toast", "The job hello is delayed")
    job = queue.get_job("hello")
    assert (job.name, job.data, job.delay, job.attempts) == ("send", {"to": "ann"}, 600_000, 3)


def test_what_the_server_refuses_stays_in_the_form(browser, queue):
    browser.open(f"{ROOT}/queue?name=emails")
    click(browser, "add-job")
    fill(browser, data="{broken")
    answer(browser)
    assert browser.find("dialog .problem", "This is no JSON")
    fill(browser, data='{"n": 1}')
    answer(browser)
    assert browser.find("dialog .problem", "name")
    browser.complaints()  # 422
    fill(browser, name="send")
    browser.find("dialog [name=name]").send_keys(Keys.ENTER)
    wait_until(lambda: queue.get_waiting_count() == 1, PATIENCE)
    assert queue.get_waiting()[0].data == {"n": 1}
    assert browser.find("#job-head")


def test_the_arguments_of_a_task_are_suggested_and_checked(browser, binding, queue):
    @binding.celery.task(name="shop.greet")
    def greet(name, greeting="hello"):
        pass

    browser.open(f"{ROOT}/queue?name=emails")
    click(browser, "add-job")
    assert browser.find("dialog option").get_attribute("value") == "shop.greet"
    fill(browser, name="shop.greet")
    typed = browser.find("dialog [name=data]").get_attribute("value")
    assert '"greeting": "hello"' in typed
    fill(browser, data='{"nam": "ann"}')
    answer(browser)
    assert browser.find("dialog .problem", "nam")
    browser.complaints()  # 422
    fill(browser, data='{"name": "ann"}')
    answer(browser)
    wait_until(lambda: queue.get_waiting_count() == 1, PATIENCE)
    assert browser.find("#job-head", "shop.greet")


def test_a_job_is_duplicated_with_another_payload(browser, queue):
    job = queue.add("send", {"to": "ann", "n": 1}, attempts=4)
    browser.open(f"{ROOT}/job?queue=emails&id={job.id}")
    click(browser, "duplicate")
    fill(browser, patch='{"n": null, "to": "bob"}', priority="7")
    answer(browser)
    wait_until(lambda: queue.get_job_counts()["prioritized"] == 1, PATIENCE)
    (copy,) = queue.get_prioritized()
    assert (copy.data, copy.attempts, copy.priority) == ({"to": "bob"}, 4, 7)
    assert browser.find("#job-head code", copy.id)


def test_a_waiting_job_is_changed(browser, queue):
    job = queue.add("send", {"n": 1}, priority=5)
    later = queue.add("send", {"n": 2}, delay=600_000)
    browser.open(f"{ROOT}/job?queue=emails&id={job.id}")
    click(browser, "change")
    fill(browser, data='{"n": 9}', priority="2")
    answer(browser)
    assert browser.find(".toast", "The job is prioritized as changed")
    changed = queue.get_job(job.id)
    assert (changed.data, changed.priority) == ({"n": 9}, 2)
    assert browser.find("#job-head", "priority 2")
    browser.open(f"{ROOT}/job?queue=emails&id={later.id}")
    click(browser, "change")
    fill(browser, delay="1200000")
    answer(browser)
    assert browser.find(".toast", "The job is delayed as changed")
    assert queue.get_job(later.id).delay == 1_200_000
    browser.complaints()


def test_a_form_is_left_by_escape(browser, queue):
    browser.open(f"{ROOT}/queue?name=emails")
    click(browser, "add-job")
    browser.find("dialog [name=name]").send_keys(Keys.ESCAPE)
    wait_until(lambda: not browser.all("dialog"), PATIENCE)
    assert queue.get_waiting_count() == 0
