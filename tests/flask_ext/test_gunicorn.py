"""Workers and the dashboard inside the processes of a real pre-fork server."""

from __future__ import annotations

import http.cookiejar
import re
import signal
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter

import pytest

from bullrush.core import Queue, QueueEvents
from bullrush.core.workers import list_workers
from tests.support.serving import serving_workers
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(180)


class Browser:
    """A browser that keeps cookies, at an address.

    Each request has a connection of its own, so that any process may answer it.
    """

    def __init__(self, home):
        self.home = home
        self.jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.jar), Stay()
        )

    def open(self, path, form=None, **headers):
        """(status, text) of a page; where it leads, for one that leads elsewhere."""
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        sent = {"Sec-Fetch-Site": "same-origin", "Connection": "close", **headers}
        request = urllib.request.Request(self.home + path, data, sent)
        try:
            with self._opener.open(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers.get("Location") or answer.read().decode()


class Stay(urllib.request.HTTPRedirectHandler):
    """Goes nowhere by itself."""

    def redirect_request(self, *args):
        return None


def csrf_in(html):
    return re.search(r'name="csrf_token" value="([^"]*)"', html)[1]


@pytest.fixture(params=[(), ("--preload",)], ids=["plain", "preload"])
def server(request, serve):
    """Two processes that serve, and have answered: the master, how to ask, their pids, the port."""
    words = ("--workers", "2", "--threads", "4", "--bind", "127.0.0.1:PORT", *request.param)
    process, ask = serve("-m", "gunicorn", *words, "shop:app")
    wait_until(ask, 60)
    pids = set()

    def both():
        pids.add((ask() or {}).get("pid"))
        return len(pids - {None}) == 2

    wait_until(both, 60)
    process.pids = pids - {None}
    return process, ask


@pytest.fixture
def queue(redis_url, queue_name):
    with Queue("celery", url=redis_url, prefix=queue_name) as queue:
        yield queue


@pytest.mark.row(1, 7)
def test_each_process_has_one_worker_each_job_runs_once_and_term_ends_them_cleanly(
    server, queue, queue_name
):
    process, ask = server
    wait_until(lambda: serving_workers(queue) == 2, 30)
    names = [each.name for each in list_workers(queue.driver, queue.keys)]
    assert Counter(int(re.search(r"embedded-(\d+)@", each)[1]) for each in names) == Counter(
        process.pids
    )
    with QueueEvents("celery", driver=queue.driver, prefix=queue_name) as events:
        ids = [wait_until(ask)["id"] for _ in range(20)]
        ran = [events.wait_until_finished(each, 30) for each in ids]
    assert set(ran) <= process.pids
    assert serving_workers(queue) == 2

    slow = [wait_until(lambda: ask("/slow"))["id"] for _ in range(2)]
    wait_until(lambda: all(queue.get_state(each) == "active" for each in slow))
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert serving_workers(queue) == 0, "the workers said goodbye"
    counts = queue.get_job_counts("active", "waiting", "failed")
    states = [queue.get_state(each) for each in slow]
    assert counts == {"active": 0, "failed": 0, "waiting": states.count("waiting")}
    told = queue.driver.execute(("XRANGE", queue.keys.events, "-", "+"))
    ends = Counter(
        fields[fields.index(b"jobId") + 1] for _, fields in told if b"completed" in fields
    )
    assert set(ends.values()) == {1}, "none ran twice"
    assert set(states) <= {"completed", "waiting"}


@pytest.mark.row(4)
def test_the_dashboard_works_in_whichever_process_answers(server, token):
    process, _ = server
    browser = Browser(process.home)
    status, form = browser.open("/admin/queues/login")
    assert status == 200
    given = {"token": token, "csrf_token": csrf_in(form), "next": "/admin/queues/"}
    assert browser.open("/admin/queues/login", given) == (303, "/admin/queues/")
    pages = [browser.open("/admin/queues/") for _ in range(10)]
    assert {status for status, _ in pages} == {200}
    assert all("celery" in html for _, html in pages)
    for asset in sorted(set(re.findall(r'(?:src|href)="([^"]+\.(?:css|js))[^"]*"', pages[0][1]))):
        assert browser.open(asset)[0] == 200, asset

    copy = {each.name: each.value for each in browser.jar}
    left = browser.open("/admin/queues/logout", {"csrf_token": csrf_in(pages[0][1])})
    assert left == (303, "/admin/queues/login")
    thief = "; ".join(f"{name}={value}" for name, value in copy.items())
    fresh = Browser(process.home)
    answers = [fresh.open("/api/admin/queues", Cookie=thief)[0] for _ in range(10)]
    assert answers == [401] * 10, "the logout holds in both processes"
