"""Pages that are open while Redis, or the web server itself, goes away and comes back."""

from __future__ import annotations

import pytest
from flask import Flask

from bullrush.core.drivers.server_binary import ServerProcess
from bullrush.flask_ext import Bullrush
from tests.support.outage import kill, restart
from tests.support.waiting import wait_until

from .chromium import PATIENCE, served
from .conftest import TOKEN

ROOT = "/admin/queues"


@pytest.fixture
def server():
    """A Redis of this test alone."""
    with ServerProcess() as server:
        yield server


@pytest.fixture
def watching(chromium, server):
    """An application on it, and the browser signed in; what the console says of it is expected."""
    app = Flask("shop")
    app.config.update(BULLRUSH_REDIS_URL=server.url, BULLRUSH_ADMIN_TOKEN=TOKEN)
    Bullrush(app)
    binding = app.extensions["bullrush"]
    binding.queue("emails").add("send", {"n": 1})
    with served(app) as site:
        chromium.sign_in(site, TOKEN)
        yield chromium, binding.queue("emails")
        chromium.root = ""
        chromium.page.get("about:blank")
    binding.close()
    chromium.complaints()


@pytest.mark.timeout(120)
def test_a_live_overview_says_that_redis_is_away_and_goes_on_when_it_is_back(watching, server):
    browser, queue = watching
    browser.open(ROOT)
    browser.find("body[data-connection=stream]")
    kill(server)
    browser.find("#pulse", "does not answer")
    assert "what is shown is of 20" in browser.text("#banners")
    assert browser.find("#queue-rows tr", "emails"), "what was known is still there"
    restart(server)
    queue.add("send")
    browser.find("#pulse .ok")
    assert "does not answer" not in browser.text("#banners")


@pytest.mark.timeout(120)
def test_a_page_that_asks_again_says_that_it_is_old_until_it_is_not(watching, server):
    browser, queue = watching
    browser.open(f"{ROOT}/queue?name=emails")
    browser.find("body[data-connection=poll]")
    kill(server)
    assert browser.find("#stale", "Redis does not answer. What is shown is of")
    assert browser.find("table.jobs td.name", "send")
    restart(server)
    queue.add("after-the-outage")
    browser.find("table.jobs td.name", "after-the-outage")
    wait_until(lambda: not browser.all("#stale"), PATIENCE)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("path", ["", "/queue?name=emails"])
def test_a_page_whose_server_is_gone_says_so(chromium, app, binding, path):
    binding.queue("emails").add("send")
    with served(app) as site:
        chromium.sign_in(site, TOKEN)
        chromium.open(ROOT + path)
        chromium.find("body[data-connection]")
    assert chromium.find("#stale", "The server does not answer")
    chromium.root = ""
    chromium.page.get("about:blank")
    chromium.complaints()
