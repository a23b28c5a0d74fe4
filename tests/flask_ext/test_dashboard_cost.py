"""What the dashboard costs Redis, by counting."""

from __future__ import annotations

import json
import os
import threading
import time

import pytest

from bullrush.core import BulkJob, Completed, Failed
from bullrush.core.catalogue import FIRST_STEPS
from bullrush.core.worker import Worker
from bullrush.flask_ext.dashboard import live
from bullrush.flask_ext.dashboard.board import board_of
from bullrush.flask_ext.dashboard.rendering import row_id
from tests.support.counting import CountingDriver
from tests.support.trips import Hands
from tests.support.waiting import wait_until

ROOT = "/admin/queues"
#: `make bench-dashboard` asks for 100,000 jobs in 50 queues.
QUEUES = int(os.environ.get("BULLRUSH_BENCH_QUEUES", "50"))
JOBS = int(os.environ.get("BULLRUSH_BENCH_JOBS", "2000"))


class CountingScans(CountingDriver):
    """Knows which of its trips looked for queues."""

    scans = 0

    def execute(self, command):
        """See `Driver`."""
        self.scans += command[0] == "SCAN"
        return super().execute(command)


@pytest.fixture
def counter(binding):
    """Counts what the application sends from now on."""
    binding.celery._driver = CountingScans(binding.driver)
    return binding.celery._driver


@pytest.fixture
def get(client, token):
    """Asks for a page as somebody who may see it."""
    return lambda path="": client.get(ROOT + path, headers={"Authorization": f"Bearer {token}"})


def fill(binding):
    """Queues of jobs that wait, have completed and have failed."""
    for number in range(QUEUES):
        queue = binding.queue(f"queue-{number:02}")
        queue.add_bulk([BulkJob("task", {"n": n}) for n in range(JOBS // QUEUES)])
        hands = Hands(queue)
        for outcome in (Completed(1), Failed("no such mailbox", "Traceback: no such mailbox")):
            (delivery,) = hands.take()
            hands.commit(delivery, outcome)


@pytest.mark.timeout(300)
def test_the_first_look_at_many_queues_takes_few_round_trips(
    counter, binding, get, capsys, redis_url
):
    """With all that costs a trip: jobs that have ended, workers, a server that knows no script."""
    fill(binding)
    keys = binding.queue("email-queue").keys
    with Worker("email-queue", print, url=redis_url, prefix=keys.prefix):
        wait_until(lambda: counter.execute(("EXISTS", keys.workers)))
        counter.execute(("SCRIPT", "FLUSH"))
        trips, scans, started = counter.trips, counter.scans, time.perf_counter()
        answer = get()
        took = (time.perf_counter() - started) * 1000
        others = counter.trips - trips - (counter.scans - scans)
    assert answer.text.count('<tr id="q-') == QUEUES + 1  # one that the application names
    assert others + FIRST_STEPS < 20, "however many keys there are"
    with capsys.disabled():
        print(
            f"\n{QUEUES} queues, {JOBS} jobs: {others + counter.scans - scans} trips, {took:.0f} ms"
        )
    assert counter.cost(get) < 20


def test_looks_within_a_second_share_one_reading(counter, binding, get):
    binding.queue("emails").add("send")
    board_of_counter = counter.cost(get)
    assert board_of_counter > 0
    collector = board_of(binding._app).collector
    collector._read_at = time.monotonic() + 100  # as if no time passed
    assert [counter.cost(get) for _ in range(50)] == [0] * 50


def test_fifty_live_pages_cost_as_much_as_one(counter, app, binding, token, monkeypatch):
    """Counted in readings: so many as the seconds that pass, whoever looks."""
    monkeypatch.setattr(live, "HEARTBEAT", 0.2)
    binding.queue("emails").add("send")
    board = board_of(app)
    board.seats = live_seats(50)
    streams = [open_stream(app, token) for _ in range(50)]
    for stream in streams:
        assert "event: snapshot" in next_message(stream)
    first, trips = board.collector.newer(0, 10).version, counter.trips
    wait_until(lambda: board.collector.newer(first + 2, 1), what="three more readings")
    readings = board.collector.newer(0, 1).version - first
    # SCAN, two trips for the queues, and every ten seconds four more.
    assert counter.trips - trips <= readings * 3 + 10
    binding.queue("emails").add("send")
    for stream in streams:
        assert "event: delta" in next_message(stream)
    for stream in streams:
        stream.close()
    assert board.collector.listeners == 0
    board.collector.close()


def test_a_reader_that_comes_back_gets_only_what_changed(app, binding, token):
    for name in ("emails", "reports"):
        binding.queue(name).add("run", delay=600_000)
    first = open_stream(app, token)
    position = next_message(first).partition("id: ")[2].partition("\n")[0]
    first.close()
    binding.queue("reports").add("run", delay=600_000)
    again = open_stream(app, token, position)
    message = next_message(again)
    assert "event: delta" in message
    parts = json.loads(message.partition("data: ")[2])["parts"]
    assert row_id("reports") in parts
    assert row_id("emails") not in parts
    again.close()
    board_of(app).collector.close()


def test_when_all_seats_are_taken_the_next_one_polls(app, token):
    board = board_of(app)
    board.seats = live_seats(1)
    first = open_stream(app, token)
    assert stream_response(app, token).status_code == 204
    first.close()
    second = open_stream(app, token)
    second.close()
    board.collector.close()


def test_silence_is_broken_by_comments(app, token, monkeypatch):
    monkeypatch.setattr(live, "HEARTBEAT", 0.05)
    stream = open_stream(app, token)
    next_message(stream)
    assert any(next(stream._messages).startswith(":") for _ in range(20))
    stream.close()
    board_of(app).collector.close()


def test_a_stream_ends_so_that_the_login_is_asked_again(app, token, monkeypatch):
    monkeypatch.setattr(live, "LONGEST", 0.05)
    monkeypatch.setattr(live, "HEARTBEAT", 0.02)
    stream = open_stream(app, token)
    assert len(list(stream._messages)) < 10
    stream.close()
    board_of(app).collector.close()


def live_seats(number):
    """So many seats."""
    return threading.BoundedSemaphore(number)


def stream_response(app, token, position=""):
    """The answer to somebody who wants a stream."""
    headers = {"Authorization": f"Bearer {token}"}
    if position:
        headers["Last-Event-ID"] = position
    environment = {"wsgi.multithread": True}
    return app.test_client().get(
        f"{ROOT}/live", headers=headers, environ_overrides=environment, buffered=False
    )


class open_stream:
    """A stream as a browser holds it open."""

    def __init__(self, app, token, position=""):
        self._response = stream_response(app, token, position)
        assert self._response.status_code == 200
        self._messages = (each.decode() for each in self._response.response)

    def close(self):
        """Go away."""
        self._response.close()


def next_message(stream):
    """The next one that is no comment."""
    for _ in range(200):
        message = next(stream._messages)
        if "event: " in message:
            return message
    raise AssertionError("no message came")
