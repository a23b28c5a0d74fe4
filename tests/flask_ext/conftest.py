"""Flask applications on a real Redis, each test with a prefix of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
import uuid
from contextlib import suppress

import pytest
from flask import Flask

from bullrush.flask_ext import Bullrush
from tests.support.serving import FACTORY


@pytest.fixture
def token():
    """What opens the admin routes."""
    return "correct horse battery staple"


@pytest.fixture
def make_app(redis_url, token):
    """Makes initialised applications; keyword arguments are keys of ``app.config``."""
    made = []
    prefix = f"test-{uuid.uuid4().hex[:12]}"

    def make(name="shop", **config):
        app = Flask(name)
        app.config.from_mapping(
            BULLRUSH_REDIS_URL=redis_url, BULLRUSH_PREFIX=prefix, BULLRUSH_ADMIN_TOKEN=token
        )
        app.config.from_mapping(config)
        Bullrush(app)
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["bullrush"].close()


@pytest.fixture
def app(make_app):
    """An application on Redis."""
    return make_app(BULLRUSH_QUEUE_ALIASES={"email": "email-queue"})


@pytest.fixture
def binding(app):
    """What the extension holds for it."""
    return app.extensions["bullrush"]


@pytest.fixture
def client(app):
    """A client without a token."""
    return app.test_client()


@pytest.fixture
def ask(client, token):
    """Asks for a path with the right token."""
    return lambda path: client.get(path, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def ask_of(token):
    """As `ask`, of another application."""
    headers = {"Authorization": f"Bearer {token}"}
    return lambda app, path: app.test_client().get(path, headers=headers)


@pytest.fixture
def refusing_url():
    """A URL at which nobody answers: the port is taken by a socket that does not listen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"redis://:hush@127.0.0.1:{taken.getsockname()[1]}/0"


@pytest.fixture
def silent_url():
    """A URL at which somebody takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://:hush@127.0.0.1:{server.getsockname()[1]}/0"


@pytest.fixture
def serve(tmp_path, redis_url, queue_name, token):
    """Serves the application by a command; gives the process and how to ask it."""
    (tmp_path / "shop.py").write_text(FACTORY)
    started = []

    def start(*words):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        environment = {
            **os.environ,
            "FLASK_BULLRUSH_REDIS_URL": redis_url,
            "FLASK_BULLRUSH_PREFIX": queue_name,
            "FLASK_BULLRUSH_EMBEDDED": "1",
            "FLASK_SECRET_KEY": "of the shop",
            "BULLRUSH_ADMIN_TOKEN": token,
            "PORT": str(port),
        }
        process = subprocess.Popen(
            [sys.executable, *(word.replace("PORT", str(port)) for word in words)],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        process.home = f"http://127.0.0.1:{port}"
        started.append(process)

        def ask(path="/where", data=None):
            try:
                with urllib.request.urlopen(process.home + path, data, timeout=5) as answer:
                    return json.load(answer)
            except OSError:
                return None

        return process, ask

    yield start
    for each in started:
        with suppress(ProcessLookupError):
            os.killpg(each.pid, signal.SIGKILL)
        each.wait()
