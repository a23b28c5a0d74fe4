"""The incident page says what the status document says."""

from __future__ import annotations

import json

import pytest

from bullrush.flask_ext.dashboard.incident_page import regions_of
from tests.support.trips import Hands

ROOT = "/admin/queues"


@pytest.mark.row(153)
def test_imbalance_between_regions_is_seen_without_a_shell(browser, binding):
    busy, idle = (binding.queue(f"workflow.execute.{name}") for name in ("us", "eu"))
    for _ in range(4):
        busy.add("run")
    Hands(busy).take()
    idle.add("run")
    browser.open(f"{ROOT}/incident")
    rows = [row.text.split()[:4] for row in browser.all("table.incident tbody tr")]
    assert rows == [["workflow.execute.eu", "1", "0", "1"], ["workflow.execute.us", "3", "1", "4"]]
    assert browser.find(".panel-head", "workflow.execute.*")
    assert browser.find("#incident-now", "none")
    document = json.loads(browser.run("return document.getElementById('document').textContent"))
    assert document["executionWorker"]["metrics"]["queueDepths"]["workflow.execute.us"] == {
        "waiting": 3,
        "active": 1,
        "total": 4,
    }
    assert document["scheduler"]["redis"]["status"] == "ready"


@pytest.mark.row(153)
def test_the_page_works_while_redis_is_away(app, refusing_app):
    answer = refusing_app.test_client().get(
        f"{ROOT}/incident", headers={"Authorization": "Bearer t"}
    )
    assert answer.status_code == 200
    assert ">end<" in answer.text


def test_regions_are_queues_that_differ_in_their_last_part():
    assert regions_of(["a", "x.us", "x.eu", "y.us", "z.a.b"]) == {
        "": ["a", "y.us", "z.a.b"],
        "x": ["x.eu", "x.us"],
    }
