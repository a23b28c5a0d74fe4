"""A browser for each test process, and applications with a dashboard for each test."""

from __future__ import annotations

import socket
import uuid
from contextlib import ExitStack

import pytest
from flask import Flask

from bullrush.flask_ext import Bullrush

from .chromium import Browser, served

TOKEN = "correct horse battery staple"


@pytest.fixture(scope="session")
def chromium():
    """One browser for all tests of a process: to start one takes seconds."""
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def app(redis_url):
    """An application on Redis under a prefix of its own."""
    made = Flask("shop")
    made.config.from_mapping(
        BULLRUSH_REDIS_URL=redis_url,
        BULLRUSH_PREFIX=f"test-{uuid.uuid4().hex[:12]}",
        BULLRUSH_ADMIN_TOKEN=TOKEN,
        BULLRUSH_TOKENS={
            role: {"token": f"a token that may {role}", "role": role}
            for role in ("read", "operate")
        },
        BULLRUSH_DASHBOARD_STREAMS=8,
        SECRET_KEY="of this test",
    )
    Bullrush(made)
    yield made
    made.extensions["bullrush"].close()


@pytest.fixture
def binding(app):
    """What the extension holds for it."""
    return app.extensions["bullrush"]


@pytest.fixture
def site(app):
    """Where the application answers."""
    with ExitStack() as stack:
        yield stack.enter_context(served(app))


@pytest.fixture
def browser(chromium, site):
    """The browser, signed in, which has nothing to complain about when the test ends."""
    chromium.complaints()
    chromium.sign_in(site, TOKEN)
    yield chromium
    complaints = chromium.complaints()
    chromium.root = ""
    chromium.page.get("about:blank")
    assert complaints == []


@pytest.fixture
def refusing_app():
    """An application whose Redis nobody answers for: the port is taken and does not listen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        made = Flask("shop")
        made.config["BULLRUSH_REDIS_URL"] = f"redis://127.0.0.1:{taken.getsockname()[1]}/0"
        made.config["BULLRUSH_ADMIN_TOKEN"] = "t"
        Bullrush(made)
        yield made
        made.extensions["bullrush"].close()
