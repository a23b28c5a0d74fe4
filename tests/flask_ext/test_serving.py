"""``bullrush serve``: API and dashboard in a process of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from bullrush.core import Queue
from tests.support.waiting import wait_until

TOKEN = "correct horse battery staple"


def start(*arguments, **environment):
    """The command in a process of its own."""
    command = [sys.executable, "-m", "bullrush", *arguments]
    clean = {name: value for name, value in os.environ.items() if "BULLRUSH" not in name}
    return subprocess.Popen(
        command,
        env={**clean, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ask(url, token=None):
    """(status, text) of an answer; 0 when nobody is there."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=10
        ) as got:
            return got.status, got.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


@contextmanager
def served(port, environment):
    """Where it answers while the block runs; then it ends when it is told to, without a word."""
    process = start("serve", **environment)
    try:
        root = f"http://127.0.0.1:{port}"
        wait_until(lambda: ask(f"{root}/api/health")[0] == 200, 30, "an answer")
        yield root
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (0, "")
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def port():
    """One that is free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.row(11, 144)
def test_it_answers_at_the_port_of_the_environment(redis_url, queue_name, port):
    with Queue("emails", url=redis_url, prefix=queue_name) as queue:
        queue.add("send")
    environment = {
        "PORT": str(port),
        "BULLRUSH_ADMIN_TOKEN": TOKEN,
        "FLASK_SECRET_KEY": "of this test",
        "BULLRUSH_PREFIX": queue_name,
        "BULLRUSH_REDIS_URL": redis_url,
    }
    with served(port, environment) as root:
        assert ask(f"{root}/api/admin/queues")[0] == 401
        status, text = ask(f"{root}/api/admin/queues", TOKEN)
        assert status == 200
        assert '"emails"' in text
        assert "emails" in ask(f"{root}/admin/queues", TOKEN)[1]
        assert "emails" in ask(f"{root}/", TOKEN)[1]


def test_it_serves_the_api_without_a_dashboard_and_ends_quietly(redis_url, port):
    environment = {
        "PORT": str(port),
        "BULLRUSH_ADMIN_TOKEN": TOKEN,
        "FLASK_BULLRUSH_DASHBOARD_PATH": "false",
        "FLASK_SECRET_KEY": "of this test",
        "BULLRUSH_REDIS_URL": redis_url,
    }
    with served(port, environment) as root:
        assert ask(f"{root}/admin/queues", TOKEN)[0] == 404


def test_the_list_of_commands_says_what_it_is():
    process = start("--help")
    said, _ = process.communicate(timeout=30)
    (line,) = [each for each in said.splitlines() if each.split()[:1] == ["serve"]]
    assert line.split(maxsplit=1)[1] == "The admin API, health and the dashboard, alone."


@pytest.mark.row(154)
def test_it_does_not_start_unprotected(redis_url):
    process = start("serve", "--port", "0", BULLRUSH_REDIS_URL=redis_url)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "BULLRUSH_UI_INSECURE=1" in errors


@pytest.mark.row(154)
def test_it_is_open_to_everybody_only_when_that_is_wanted(redis_url, queue_name, port):
    environment = {"BULLRUSH_UI_INSECURE": "1", "BULLRUSH_PREFIX": queue_name}
    process = start("-b", redis_url, "serve", "-p", str(port), **environment)
    try:
        wait_until(lambda: ask(f"http://127.0.0.1:{port}/admin/queues")[0] == 200, 30, "a page")
    finally:
        process.kill()
        process.communicate()
