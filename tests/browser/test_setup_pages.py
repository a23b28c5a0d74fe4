"""The pages about Redis, settings and tenants, and bringing back what was taken away."""

from __future__ import annotations

import pytest

from bullrush.core import BulkJob
from tests.support.waiting import wait_until

from .chromium import PATIENCE
from .test_actions import answer, click
from .test_pages import without_scripts

ROOT = "/admin/queues"


def test_redis_is_examined_on_a_page(browser, binding):
    binding.queue("lonely").add("send")
    with without_scripts(browser):
        browser.open(f"{ROOT}/redis")
        rows = [row.text for row in browser.all("table.findings tbody tr")]
        assert any("queue lonely" in row and "bullrush worker -Q lonely" in row for row in rows)
        assert "memory" in browser.all(".numbers")[0].text
    browser.open(f"{ROOT}/redis")
    browser.click("a.button", "Look again")
    assert browser.find("table.findings", "connection")


def test_settings_are_a_page(browser):
    with without_scripts(browser):
        browser.open(f"{ROOT}/settings")
        rows = [row.text for row in browser.all("table.settings tbody tr")]
    assert any(row.startswith("BULLRUSH_ADMIN_TOKEN is set") for row in rows)
    assert not any("battery staple" in row for row in rows)


def test_tenants_are_a_page(browser, binding, monkeypatch):
    monkeypatch.setenv("EXECUTION_TENANT_CONCURRENCY", "3")
    for tenant in ("acme", "acme", "acme", "<b>zeta</b>"):
        binding.queue("emails").add("run", {"tenantId": tenant})
    browser.open(f"{ROOT}/tenants")
    rows = [row.text.split() for row in browser.all("table.tenants tbody tr")]
    assert rows == [
        ["acme", "0", "/", "3", "3", "0", "0", "75", "%", "emails", "3"],
        ["<b>zeta</b>", "0", "/", "3", "1", "0", "0", "25", "%", "emails", "1"],
    ]
    browser.click("table.tenants td a", "emails")
    assert browser.find("#queue-jobs", "3 jobs")


def test_what_was_taken_away_comes_back_from_the_audit_page(browser, binding):
    queue = binding.queue("emails")
    queue.add_bulk([BulkJob("send", {"n": n}) for n in range(3)])
    browser.open(f"{ROOT}/queue?name=emails")
    click(browser, "drain")
    answer(browser)  # which jobs
    browser.find("dialog[open]", "3 jobs")
    answer(browser)
    wait_until(lambda: queue.get_job_counts()["waiting"] == 0, PATIENCE)
    browser.open(f"{ROOT}/audit")
    assert browser.find("table.undos tbody tr", "emails")
    click(browser, "undo")
    assert browser.find(".toast", "3 jobs brought back")
    wait_until(lambda: not browser.all("table.undos"), PATIENCE)
    assert queue.get_job_counts()["waiting"] == 3


@pytest.mark.parametrize("path", ["redis", "settings", "tenants", "audit"])
def test_new_pages_are_reached_by_the_keyboard_and_go_dark(browser, path):
    feature = {"name": "prefers-color-scheme", "value": "dark"}
    browser.command("Emulation.setEmulatedMedia", features=[feature])
    try:
        browser.open(f"{ROOT}/{path}")
        assert browser.find(".top nav a[aria-current=page]")
        colour = "return getComputedStyle(document.body).backgroundColor"
        assert browser.run(colour) == "rgb(20, 21, 18)"
        wide = "return document.documentElement.scrollWidth - innerWidth"
        assert browser.run(wide) <= 0
    finally:
        browser.command("Emulation.setEmulatedMedia", features=[])
