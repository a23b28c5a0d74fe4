"""Connections: who gets which reply, and what is left when one breaks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bullrush.core.calls import Batch, run
from bullrush.core.drivers import connect, connect_async
from bullrush.core.errors import ConnectionFailed, ServerError
from bullrush.core.scripts import script
from tests.support.wire import Wire


@pytest.fixture(params=["plain", "tls", "unix"])
def wire(request: pytest.FixtureRequest, redis_url: str, tmp_path: Path) -> Iterator[Wire]:
    """A way to Redis that can be broken, of every kind."""
    path = tmp_path / "s" if request.param == "unix" else None
    with Wire(redis_url, tls=request.param == "tls", path=path) as wire:
        yield wire


class InLoop:
    """An asyncio driver used like a blocking one."""

    def __init__(self, url: str, timeout: float) -> None:
        self._loop = asyncio.new_event_loop()
        self._driver = connect_async(url, timeout=timeout)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._driver, name)
        return lambda *args: self._loop.run_until_complete(method(*args))

    def end(self) -> None:
        """Close it and its loop."""
        self.close()
        self._loop.close()


@pytest.fixture(params=["blocking", "asyncio"])
def make_driver(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Makes drivers of both colours."""
    ends: list[Callable[[], None]] = []

    def make(url: str, timeout: float = 10.0) -> Any:
        if request.param == "blocking":
            driver: Any = connect(url, timeout=timeout)
            ends.append(driver.close)
        else:
            driver = InLoop(url, timeout)
            ends.append(driver.end)
        return driver

    yield make
    for end in ends:
        end()


def test_a_link_serves_many_commands(wire, make_driver):
    driver = make_driver(wire.url)
    for number in range(5):
        assert driver.execute(("ECHO", number)) == b"%d" % number
    assert driver.execute_many([("ECHO", n) for n in range(500)]) == [b"%d" % n for n in range(500)]
    assert wire.accepted == 1


def test_large_commands_and_replies_arrive_whole(wire, make_driver):
    driver = make_driver(wire.url)
    texts = [bytes([97 + n]) * 300_000 for n in range(8)]
    assert driver.execute_many([("ECHO", text) for text in texts]) == texts


def test_half_a_reply_is_an_error_and_never_meets_the_next_command(wire, make_driver):
    driver = make_driver(wire.url)
    driver.execute(("PING",))
    wire.break_after(10)
    with pytest.raises(ConnectionFailed, match="did not answer"):
        driver.execute(("ECHO", "x" * 100))
    assert driver.execute(("ECHO", "next")) == b"next"
    assert wire.accepted == 2


def test_a_break_between_the_replies_of_many_commands_is_an_error(wire, make_driver):
    driver = make_driver(wire.url)
    driver.execute(("PING",))
    wire.break_after(20)
    with pytest.raises(ConnectionFailed):
        driver.execute_many([("ECHO", "0123456789")] * 50)
    assert driver.execute(("ECHO", "next")) == b"next"


@pytest.mark.parametrize("wire", ["plain", "tls"], indirect=True)
def test_a_reply_that_is_late_is_an_error_and_never_meets_the_next_command(wire, make_driver):
    driver = make_driver(wire.url, 1.5)
    driver.execute(("PING",))
    wire.hold()
    with pytest.raises(ConnectionFailed, match=r"the time is up|timed out"):
        driver.execute(("ECHO", "late"))
    assert driver.execute(("ECHO", "next")) == b"next"


def test_an_argument_that_cannot_be_sent_is_refused(redis_url, make_driver):
    driver = make_driver(redis_url)
    with pytest.raises(ServerError, match="ARGUMENT"):
        driver.execute(("ECHO", None))
    with pytest.raises(ServerError, match="ARGUMENT"):
        driver.execute_many([("ECHO", "x"), ("ECHO", object())])
    assert driver.execute(("ECHO", "next")) == b"next"


def test_a_closed_driver_opens_anew(wire, make_driver):
    driver = make_driver(wire.url)
    driver.execute(("PING",))
    driver.close()
    assert driver.execute(("ECHO", "again")) == b"again"
    assert wire.accepted == 2


def test_threads_that_share_a_driver_get_their_own_replies(redis_url):
    driver = connect(redis_url)
    wrong: list[object] = []
    start = threading.Barrier(8)

    def talk(name: int) -> None:
        start.wait(10)
        for number in range(300):
            text = b"%d-%d" % (name, number)
            replies = [driver.execute(("ECHO", text)), *driver.execute_many([("ECHO", text)] * 3)]
            if set(replies) != {text}:
                wrong.append((text, replies))

    threads = [threading.Thread(target=talk, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    driver.close()
    assert wrong == []


def test_tasks_that_share_a_driver_get_their_own_replies_over_one_link(wire):
    async def talk() -> None:
        driver = connect_async(wire.url)
        numbers = range(500)
        replies = await asyncio.gather(*(driver.execute(("ECHO", n)) for n in numbers))
        assert replies == [b"%d" % n for n in numbers]
        await driver.close()

    asyncio.run(talk())
    assert wire.accepted == 1


def test_a_cancelled_task_leaves_its_reply_to_nobody(redis_url):
    async def talk() -> None:
        driver = connect_async(redis_url)
        await driver.execute(("PING",))
        given_up = asyncio.create_task(driver.execute(("ECHO", "mine")))
        await asyncio.sleep(0)  # now it is sent
        given_up.cancel()
        assert await driver.execute(("ECHO", "yours")) == b"yours"
        await driver.close()

    asyncio.run(talk())


def test_every_task_on_a_link_that_breaks_is_told(wire):
    async def talk() -> None:
        driver = connect_async(wire.url)
        await driver.execute(("PING",))
        wire.break_after(30)
        asked = (driver.execute(("ECHO", "0123456789")) for _ in range(20))
        replies = await asyncio.gather(*asked, return_exceptions=True)
        failed = [each for each in replies if isinstance(each, ConnectionFailed)]
        assert len(failed) >= 18
        assert await driver.execute(("ECHO", "next")) == b"next"
        await driver.close()

    asyncio.run(talk())


_FORKS = """
import os, sys
from bullrush.core.drivers import connect
driver = connect(sys.argv[1])
before = driver.execute(("CLIENT", "ID"))
child = os.fork()
mine = driver.execute(("CLIENT", "ID"))
for number in range(200):
    text = b"%d-%d" % (os.getpid(), number)
    assert driver.execute(("ECHO", text)) == text
if child == 0:
    assert mine != before
    driver.close()
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert mine == before == driver.execute(("CLIENT", "ID"))
"""


def test_a_forked_child_leaves_the_links_to_its_parent(redis_url):
    subprocess.run([sys.executable, "-c", _FORKS, redis_url], check=True, timeout=30)


def test_scripts_forgotten_before_many_calls_are_learned_again(redis_url, queue_name):
    driver = connect(redis_url)
    base = f"bull:{queue_name}:"
    calls = [script("add_plain").call(base, [f"job-{n}", "{}", "{}", 1], int) for n in range(3)]
    driver.execute(("SCRIPT", "FLUSH"))
    assert run(driver, Batch(calls, list)) == [1, 2, 3]
    assert driver.execute(("HGET", f"{base}2", "name")) == b"job-1"
    driver.close()
