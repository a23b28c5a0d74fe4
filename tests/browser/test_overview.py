"""The first page in a real browser."""

from __future__ import annotations

import pytest

from bullrush.core import BulkJob, Failed
from bullrush.core.clock import now_ms
from bullrush.core.deploys import mark_deploy
from bullrush.core.history import grown
from tests.support.trips import Hands
from tests.support.waiting import wait_until

from .chromium import PATIENCE


@pytest.mark.row(154)
def test_the_page_shows_each_queue_with_its_jobs(browser, binding):
    binding.queue("emails").add_bulk([BulkJob("send")] * 3)
    binding.queue("reports").add("monthly", delay=60_000)
    browser.open("/admin/queues")
    assert "3" in browser.find("#queue-rows tr", "emails").text
    assert browser.find("#numbers .waiting", "3")
    assert [each.text for each in browser.all("thead th")][:2] == ["Queue", "Oldest waiting"]


@pytest.mark.row(155)
def test_a_new_queue_comes_into_the_open_page(browser, binding):
    browser.open("/admin/queues")
    assert "There is no queue" in browser.text()
    binding.queue("notifications").add("send-notification")
    assert browser.find("#queue-rows tr", "notifications")


def test_numbers_change_while_one_looks(browser, binding):
    queue = binding.queue("emails")
    queue.add("send")
    browser.open("/admin/queues")
    browser.find("#queue-rows tr", "emails")
    wait_until(lambda: browser.run("return document.body.dataset.connection") == "stream", PATIENCE)
    hands = Hands(queue)
    (delivery,) = hands.take()
    hands.commit(delivery, Failed("no such mailbox"))
    assert browser.find("#errors-now td", "no such mailbox")
    assert browser.find("#queue-rows [aria-label='1 failed']")


def test_without_scripts_the_page_reads_the_same(browser, binding):
    binding.queue("emails").add("send")
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open("/admin/queues?find=mail")
        assert [each.text for each in browser.page.find_elements("css selector", "tbody th a")] == [
            "emails"
        ]
        assert browser.page.find_elements("css selector", "#chart svg")
    finally:
        browser.command("Emulation.setScriptExecutionDisabled", value=False)


def test_dark_and_light_can_be_chosen_and_are_remembered(browser):
    browser.open("/admin/queues")
    browser.find("body[data-ready]")
    background = "return getComputedStyle(document.body).backgroundColor"
    before = browser.run(background)
    browser.find("[data-theme-switch]").click()
    after = browser.run(background)
    assert before != after
    browser.open("/admin/queues")
    browser.find("body[data-ready]")
    assert browser.run(background) == after
    browser.page.delete_all_cookies()


def test_the_chart_goes_back_for_a_quarter_and_marks_deploys(browser, binding):
    now = now_ms()
    queue = binding.queue("emails")
    queue.add("send", delay=60_000)
    for name, number in grown({"completed": 41}, now - 50 * 86_400_000).items():
        binding.driver.execute(("HSET", queue.keys.history, name, number))
    mark_deploy(binding.driver, binding.settings.prefix, "v2 <i>")
    browser.open("/admin/queues")
    browser.find("#chart .key.deploy", "v2 <i>")
    for words in ("24 h", "7 d", "90 d"):
        browser.click("#chart .switch a", words)
        browser.find("#chart .switch [aria-current]", words)
        assert len(browser.all("#chart svg .mark")) == 1
    titles = browser.run(
        "return [...document.querySelectorAll('#chart title')].map((each) => each.textContent)"
    )
    assert any(title.endswith(": 41 completed, 0 failed") for title in titles)
    assert any(title.startswith("v2 <i>, ") for title in titles)
    updates = "return document.body.dataset.updates ?? ''"
    before = browser.run(updates)
    wait_until(lambda: browser.run(updates) != before, PATIENCE)
    assert browser.find("#chart .switch [aria-current]", "90 d")
