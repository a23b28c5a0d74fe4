"""Drivers: what they send, and what they say when nobody answers."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import uuid

import pytest

from bullrush import Celery
from bullrush.core import Queue, environment
from bullrush.core.drivers import connect, connect_async, is_refusal, is_transient, redacted
from bullrush.core.drivers.faults import reply_error
from bullrush.core.environment import redis_url as find_url
from bullrush.core.errors import AuthenticationFailed, ConnectionFailed, InvalidOption, ServerError


@pytest.fixture
def driver(url):
    """A driver of that server."""
    driver = connect(url)
    yield driver
    driver.close()


@pytest.fixture
def closed_port():
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_replies_are_plain_bytes_and_numbers(driver):
    key = uuid.uuid4().hex
    assert driver.execute(("RPUSH", key, "a", b"b", 3, 1.5)) == 4
    assert driver.execute(("LRANGE", key, 0, -1)) == [b"a", b"b", b"3", b"1.5"]
    assert driver.execute(("GET", "nothing" + key)) is None


def test_an_error_of_many_commands_stands_in_its_place(driver):
    key = uuid.uuid4().hex
    first, second, third = driver.execute_many(
        [("SET", key, "1"), ("LPUSH", key, "x"), ("GET", key)]
    )
    assert isinstance(second, ServerError)
    assert second.kind == "WRONGTYPE"
    assert (bool(first), third) == (True, b"1")


def test_an_unknown_script_is_told_apart(driver):
    with pytest.raises(ServerError) as caught:
        driver.execute(("EVALSHA", "0" * 40, 0))
    assert caught.value.kind == "NOSCRIPT"


def test_scripts_are_loaded_again_after_a_flush(url, queue_name):
    with Queue(queue_name, url=url) as queue:
        queue.add("x")
        queue.driver.execute(("SCRIPT", "FLUSH"))
        assert queue.add("x").id == "2"
        queue.driver.execute(("SCRIPT", "FLUSH"))
        assert len(queue.get_jobs("waiting")) == 2


def test_closing_wakes_a_blocked_connection(driver):
    connection = driver.dedicated()
    ended = threading.Event()

    def block():
        with pytest.raises(ConnectionFailed):
            connection.execute(("BZPOPMIN", uuid.uuid4().hex, 30))
        ended.set()

    thread = threading.Thread(target=block)
    thread.start()
    time.sleep(0.1)  # both orders must work; this makes the blocked one likely
    connection.close()
    assert ended.wait(5)
    thread.join()


def test_a_blocked_connection_outlasts_the_read_timeout(redis_url):
    driver = connect(redis_url, timeout=0.3)
    connection = driver.dedicated("waiting")
    began = time.monotonic()
    assert connection.execute(("BZPOPMIN", uuid.uuid4().hex, "1.2")) is None
    assert time.monotonic() - began >= 1
    connection.close()
    driver.close()


def test_a_pooled_connection_that_the_server_closed_is_replaced(redis_url):
    driver = connect(redis_url)
    number = driver.execute(("CLIENT", "ID"))
    other = connect(redis_url)
    other.execute(("CLIENT", "KILL", "ID", number))
    assert driver.execute(("PING",))
    driver.close()
    other.close()


def test_nobody_listening_is_one_clear_error(closed_port):
    url = f"redis://user:hush-hush@127.0.0.1:{closed_port}/0"
    with pytest.raises(ConnectionFailed, match=f"127.0.0.1:{closed_port}") as caught:
        Queue("q", url=url).add("x")
    assert "hush" not in str(caught.value) + repr(caught.value)
    assert is_transient(caught.value)
    with pytest.raises(ConnectionFailed):
        asyncio.run(connect_async(url).execute(("PING",)))


def test_a_wrong_password_is_one_clear_error(redis_url):
    host = redis_url.split("://")[1]
    with pytest.raises(AuthenticationFailed, match="user name or the password") as caught:
        Queue("q", url=f"redis://user:hush-hush@{host}").add("x")
    assert "hush" not in str(caught.value)
    assert not is_transient(caught.value)


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("WRONGTYPE Operation against a key holding the wrong kind of value", True),
        ("ERR The user executing the script can't access at least one of the keys", True),
        ("NOPERM No permissions to access a key script: 6dee, on @user_script:1.", True),
        ("ERR The user executing the script can't run this command or subcommand", False),
        ("NOPERM this user has no permissions to run the 'evalsha' command", False),
        ("NOPERM this user has no permissions to access one of the keys used as arguments", False),
        ("NOAUTH Authentication required.", False),
        ("ERR Protocol error: unauthenticated multibulk length", False),
        ("OOM command not allowed when used memory > 'maxmemory'.", False),
    ],
)
def test_what_may_be_asked_by_nobody_differs_from_who_may_not_ask(said, refused):
    assert is_refusal(reply_error(said, "here")) is refused


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("http://:hush@localhost", "no URL of a known kind"),
        ("localhost:6379", "no URL of a known kind"),
        ("redis://:hush@localhost:99999/0", "port|Port|unreadable"),
        ("redis://:hush@localhost:6379/first", "the database is a number"),
    ],
)
def test_bad_urls_are_refused_without_their_secrets(bad, words):
    with pytest.raises(InvalidOption, match=words) as caught:
        connect(bad)
    assert "hush" not in str(caught.value)


def test_secrets_are_never_in_a_location():
    assert redacted("redis://user:hush@host:6380/2?password=hush") == "redis://host:6380/2"
    assert "hush" not in repr(connect("redis://user:hush@host:6380/2"))
    assert "hush" not in repr(Queue("q", url="redis://user:hush@host:6380/2"))
    assert "hush" not in repr(Celery("c", broker="redis://:hush@host", set_as_current=False))


class TestWhereRedisIs:
    """The order of what says where Redis is."""

    @pytest.fixture(autouse=True)
    def _bare_environment(self, monkeypatch):
        for name in ("BULLRUSH_REDIS_URL", "REDIS_URL", "QUEUE_REDIS_HOST", "QUEUE_REDIS_PORT"):
            monkeypatch.delenv(name, raising=False)
        environment._tell_difference.cache_clear()

    def test_the_first_that_says_so_wins(self, monkeypatch):
        assert find_url() == "redis://localhost:6379/0"
        monkeypatch.setenv("REDIS_URL", "redis://common")
        assert find_url() == "redis://common"
        monkeypatch.setenv("QUEUE_REDIS_HOST", "parts")
        monkeypatch.setenv("QUEUE_REDIS_PASSWORD", "p@ss")
        assert find_url() == "redis://:p%40ss@parts:6379/0"
        monkeypatch.setenv("BULLRUSH_REDIS_URL", "redis://own")
        assert find_url() == "redis://own"
        assert find_url(configured="redis://configured") == "redis://configured"
        assert find_url("redis://explicit", configured="redis://configured") == "redis://explicit"

    def test_families_that_differ_are_told_once_without_secrets(self, monkeypatch, caplog):
        monkeypatch.setenv("BULLRUSH_REDIS_URL", "redis://:hush@own")
        monkeypatch.setenv("REDIS_URL", "redis://:hush@common")
        find_url()
        assert "BULLRUSH_REDIS_URL is used" in caplog.text
        assert "hush" not in caplog.text

    def test_a_wrong_value_names_its_variable(self, monkeypatch):
        monkeypatch.setenv("QUEUE_REDIS_PORT", "hush")
        with pytest.raises(InvalidOption, match="QUEUE_REDIS_PORT") as caught:
            find_url()
        assert "hush" not in str(caught.value)
