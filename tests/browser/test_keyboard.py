"""The dashboard without a mouse, in a hidden tab, and where there is no stream."""

from __future__ import annotations

import threading

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from bullrush.core import Failed
from bullrush.flask_ext.dashboard.board import board_of
from tests.support.trips import Hands
from tests.support.waiting import wait_until

from .chromium import PATIENCE

ROOT = "/admin/queues"


def press(browser, *keys, ctrl=False):
    """Press keys one after the other, wherever the focus is."""
    chain = ActionChains(browser.page)
    if ctrl:
        chain.key_down(Keys.CONTROL)
    chain.send_keys(*keys)
    if ctrl:
        chain.key_up(Keys.CONTROL)
    chain.perform()


def ready(browser):
    """Scripts have started."""
    browser.find("body[data-ready]")


def state(browser, name):
    """What the page says of itself."""
    return browser.run("return document.body.dataset[arguments[0]] ?? ''", name)


def test_ctrl_k_goes_to_a_queue(browser, binding):
    binding.queue("emails").add("send")
    binding.queue("reports").add("send")
    browser.open(ROOT)
    ready(browser)
    press(browser, "k", ctrl=True)
    browser.find(".palette li", "reports")
    press(browser, "report", Keys.ENTER)
    assert browser.find("h1", "reports")


def test_ctrl_k_finds_a_job_in_whatever_queue_it_is(browser, binding):
    binding.queue("emails").add("other")
    binding.queue("reports").add("send", job_id="order-77")
    browser.open(f"{ROOT}/workers")
    ready(browser)
    press(browser, "k", ctrl=True)
    browser.find(".palette input")
    press(browser, "order-77")
    browser.find(".palette li", "Find the job order-77")
    press(browser, Keys.ENTER)
    assert browser.find("#job-head", "order-77")


def test_ctrl_k_offers_the_actions_of_the_page_and_escape_leaves_it(browser, binding):
    binding.queue("emails").add("send")
    browser.open(f"{ROOT}/queue?name=emails")
    ready(browser)
    press(browser, "k", ctrl=True)
    assert browser.find(".palette li", "Pause")
    press(browser, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert browser.run("return document.querySelectorAll('[aria-selected=true]').length") == 1
    press(browser, Keys.ESCAPE)
    wait_until(lambda: not browser.all("dialog"), PATIENCE)


@pytest.mark.parametrize("path", ["", "/queue?name=emails&state=waiting", "/schedulers"])
def test_the_tab_key_reaches_everything_and_shows_where_it_is(browser, binding, path):
    queue = binding.queue("emails")
    queue.add("send")
    queue.upsert_job_scheduler("tick", every=60_000)
    browser.open(ROOT + path)
    ready(browser)
    reached, outlines = [], []
    for _ in range(60):
        press(browser, Keys.TAB)
        found = browser.run(
            "const at = document.activeElement; const style = getComputedStyle(at);"
            "return [at.tagName, at.className || '', style.outlineStyle]"
        )
        if found[0] == "BODY":
            break
        reached.append(found[0])
        outlines.append(found[2])
    shown = browser.run(
        "return [...document.querySelectorAll('a[href], button, input:not([type=hidden])')]"
        ".filter((each) => each.checkVisibility() && !each.disabled).length"
    )
    assert len(reached) >= min(shown, 55)
    assert "none" not in outlines
    browser.open(ROOT + path)
    press(browser, Keys.TAB)
    assert browser.run("return document.activeElement.className") == "skip"
    press(browser, Keys.ENTER)
    assert browser.run("return location.hash") == "#main"


def test_the_focus_stays_on_a_button_when_what_is_around_it_is_renewed(browser, binding):
    """On that of its own row, where several do the like."""
    for name in ("emails", "images"):
        queue = binding.queue(name)
        queue.add("send")
        hands = Hands(queue)
        (delivery,) = hands.take()
        hands.commit(delivery, Failed("no such mailbox"))
    browser.open(f"{ROOT}/errors")
    ready(browser)
    at = "return document.activeElement.dataset.queue ?? document.activeElement.tagName"
    for name in ("emails", "images"):
        browser.run(f"document.querySelector('[data-do][data-queue={name}]').focus()")
        assert browser.run(at) == name
        before = state(browser, "updates")
        binding.queue("emails").add("send")
        hands = Hands(binding.queue("emails"))
        (delivery,) = hands.take()
        hands.commit(delivery, Failed("no such mailbox"))
        wait_until(lambda before=before: state(browser, "updates") != before, PATIENCE)
        assert browser.run(at) == name


@pytest.mark.parametrize("path", ["", "/queue?name=emails", "/job?queue=emails&id=1", "/workers"])
def test_everything_one_can_use_has_a_name(browser, binding, path):
    binding.queue("emails").add("send")
    browser.open(ROOT + path)
    nameless = browser.run(
        "return [...document.querySelectorAll('a, button, input:not([type=hidden]), select')]"
        ".filter((each) => !(each.textContent.trim() || each.getAttribute('aria-label')"
        " || (each.labels && each.labels.length))).map((each) => each.outerHTML)"
    )
    assert nameless == []
    assert browser.run("return document.querySelectorAll('h1').length") == 1
    assert browser.run("return document.documentElement.lang") == "en"


def test_without_a_seat_the_page_asks_again_and_again(browser, app, binding):
    board_of(app).seats = threading.BoundedSemaphore(0)
    browser.open(ROOT)
    wait_until(lambda: state(browser, "connection") == "poll", PATIENCE)
    binding.queue("emails").add("send")
    assert browser.find("#queue-rows tr", "emails")


def test_a_hidden_tab_lets_its_stream_go(browser, app, binding):
    binding.queue("emails").add("send")
    browser.open(ROOT)
    collector = board_of(app).collector
    wait_until(lambda: state(browser, "connection") == "stream", PATIENCE)
    assert collector.listeners == 1
    hide = (
        "Object.defineProperty(document, 'hidden', {configurable: true, get: () => arguments[0]});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    browser.run(hide.replace("arguments[0]", "true"))
    wait_until(lambda: collector.listeners == 0, PATIENCE)
    binding.queue("emails").add("send")
    browser.run(hide.replace("arguments[0]", "false"))
    assert browser.find("#queue-rows [aria-label='2 waiting']")


def test_a_click_is_not_lost_when_its_row_changes_meanwhile(browser, app, binding):
    queue, collector = binding.queue("emails"), board_of(app).collector
    queue.add("send")
    browser.open(ROOT)
    wait_until(lambda: state(browser, "connection") == "stream", PATIENCE)
    link = wait_until(lambda: hold(browser, "#queue-rows th a"), PATIENCE)
    for _ in range(2):  # readings in which the age of the job is another
        queue.add("send")
        version = collector.newer(0, PATIENCE).version
        assert collector.newer(version, PATIENCE)
    assert browser.run("return arguments[0].isConnected", link)
    ActionChains(browser.page).release().perform()
    assert browser.find("#queue-head h1", "emails")


def hold(browser, selector):
    """Press the button over an element; None when another has come into its place meanwhile."""
    try:
        link = browser.find(selector)
        ActionChains(browser.page).click_and_hold(link).perform()
    except StaleElementReferenceException:
        return None
    return link


def test_rows_can_be_filtered_while_one_types(browser, binding):
    for name in ("emails", "reports", "email-digest"):
        binding.queue(name).add("send")
    browser.open(ROOT)
    ready(browser)
    browser.find("#find").send_keys("mail")
    shown = (
        "return [...document.querySelectorAll('#queue-rows tr')].filter((e) => !e.hidden).length"
    )
    assert browser.run(shown) == 2


def test_the_span_of_the_chart_can_be_chosen(browser, binding):
    binding.queue("emails").add("send")
    browser.open(ROOT)
    browser.find(".switch a", "7 d").click()
    assert browser.find("#chart[data-span='7d'] .switch a[aria-current]", "7 d")
    assert len(browser.all("#chart svg g")) == 84


def test_jobs_can_be_chosen_and_stay_chosen(browser, binding):
    queue = binding.queue("emails")
    for _ in range(3):
        queue.add("send")
    browser.open(f"{ROOT}/queue?name=emails&state=waiting")
    ready(browser)
    browser.find("[data-id='2']").click()
    assert browser.text("[data-chosen]") == "1"
    queue.add("another")
    browser.find("table.jobs td.name", "another")
    assert browser.run("return document.querySelector(\"[data-id='2']\").checked")
    browser.find("[data-choose-all]").click()
    assert browser.text("[data-chosen]") == "4"
