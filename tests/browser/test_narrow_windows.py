"""The dashboard on a telephone: nothing is wider than the window, and all of it can be reached."""

from __future__ import annotations

import pytest

from bullrush.core import BulkJob, Failed, FlowJob, FlowProducer, Retried
from tests.support.trips import Hands

ROOT = "/admin/queues"
#: A queue as somebody may call it.
LONG = "the-nightly-import-of-all-products-from-every-supplier-that-we-have-had-since-2009"
PAGES = (
    "",
    f"/queue?name={LONG}&state=failed",
    f"/queue?name={LONG}&state=delayed",
    "/queue?name=nobody-knows-this-queue",
    "/schedulers",
    "/workers",
    "/errors",
    "/tenants",
    "/redis",
    "/settings",
    "/audit",
    "/incident",
    f"/find?q={LONG}",
)


@pytest.fixture(params=[360, 800])
def narrow(browser, request):
    """The browser with a window of so many pixels."""
    size = {"width": request.param, "height": 740, "deviceScaleFactor": 1, "mobile": False}
    browser.command("Emulation.setDeviceMetricsOverride", **size)
    yield browser
    browser.command("Emulation.clearDeviceMetricsOverride")


@pytest.fixture
def jobs(binding):
    """Jobs with long names, texts and ids; gives the paths of the pages of two."""
    queue = binding.queue(LONG)
    failed = queue.add("send" * 12, {"tenantId": LONG, "text": "no-spaces-" * 40}, attempts=2)
    for outcome in (Retried(0, "first " * 30, "Traceback: first"), Failed("x" * 300, "y" * 900)):
        hands = Hands(queue, "a-worker-with-a-long-name")
        (delivery,) = hands.take()
        hands.commit(delivery, outcome)
    queue.add_log(failed.id, "z" * 500)
    queue.add_bulk([BulkJob("later", {"n": n}, {"delay": 10**7}) for n in range(60)])
    queue.upsert_job_scheduler(LONG, pattern="30 8 * * 1-5", tz="Europe/Berlin", name=LONG)
    queue.add("removed", job_id="some")
    binding._app.test_client().post(
        f"/api/admin/queues/{LONG}/remove",
        json={"state": "waiting", "ids": ["some"]},
        headers={"Authorization": f"Bearer {binding._app.config['BULLRUSH_ADMIN_TOKEN']}"},
    )
    flows = FlowProducer(driver=binding.driver, prefix=binding.settings.prefix)
    tree = flows.add(FlowJob("a", LONG, children=[FlowJob("b", LONG), FlowJob("c", "other")]))
    return f"/job?queue={LONG}&id={failed.id}", f"/flow?queue={LONG}&id={tree.job.id}"


def test_no_page_is_wider_than_the_window(narrow, jobs):
    found = {}
    for path in (*PAGES, *jobs):
        narrow.open(ROOT + path)
        narrow.find("body[data-ready]")
        found[path] = narrow.run("return document.documentElement.scrollWidth - innerWidth")
    narrow.complaints()  # one page is not there
    assert {path: wide for path, wide in found.items() if wide > 0} == {}


def test_every_page_and_button_is_within_the_window_or_can_be_scrolled_to(narrow, jobs):
    """What sticks out of the window must stand in something that scrolls, or be cut with dots."""
    lost = (
        "const style = (each) => getComputedStyle(each);"
        "const scrolls = (each) => each && (['auto', 'scroll'].includes(style(each).overflowX)"
        " || style(each).textOverflow === 'ellipsis' || scrolls(each.parentElement));"
        "return [...document.querySelectorAll('a, button:not([hidden]), input:not([type=hidden])')]"
        ".filter((each) => each.getClientRects().length && !each.matches('.skip')"
        " && each.getBoundingClientRect().right > innerWidth && !scrolls(each.parentElement))"
        ".map((each) => each.textContent.trim() || each.name)"
    )
    for path in (PAGES[0], PAGES[1], "/audit", jobs[0]):
        narrow.open(ROOT + path)
        narrow.find("body[data-ready]")
        narrow.find("main .panel")
        assert narrow.run(lost) == [], path
        assert len(narrow.all(".top nav a")) == 9


def test_the_newest_end_of_the_chart_is_what_one_sees(narrow, binding):
    binding.queue("emails").add("send")
    narrow.open(ROOT)
    narrow.find("#chart svg")
    right = "return document.querySelector('#chart svg').getBoundingClientRect().right - innerWidth"
    assert narrow.run(right) <= 0
