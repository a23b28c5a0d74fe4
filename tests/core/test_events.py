"""Listening and waiting: protocol part 1, section 9."""

from __future__ import annotations

import threading

import pytest

from bullrush.core import (
    AsyncQueueEvents,
    Completed,
    Failed,
    JobFailed,
    JobNotFound,
    Queue,
    QueueEvents,
    QueueEventsProducer,
    WaitTimeout,
)
from bullrush.core.drivers.server_binary import ServerProcess
from bullrush.core.errors import InvalidOption, UnserializableData
from bullrush.core.event_stream import Stream
from tests.support.awaited import Awaited
from tests.support.waiting import wait_until


def test_every_event_after_the_start_is_heard_in_order(queue, make_events, hands):
    queue.add("before")
    events = make_events()
    heard, done = [], threading.Event()

    def listen(event):
        heard.append((event.name, event.job_id))
        if (event.name, event.job_id) == ("completed", "2"):
            done.set()

    events.on("*", listen)
    job = queue.add("x")
    queue.update_progress(job.id, {"n": 1})
    for taken in hands.take(2):
        hands.commit(taken, Completed(1))
    assert done.wait(10)
    mine = [name for name, job_id in heard if job_id == job.id]
    assert mine == ["added", "waiting", "progress", "active", "completed"]


def test_values_arrive_decoded(queue, make_events, hands):
    events, heard, done = make_events(), {}, threading.Event()
    for name in ("progress", "completed"):
        events.on(name, lambda event: heard.__setitem__(event.name, event.value))
    events.on("completed", lambda event: done.set())
    job = queue.add("x")
    queue.update_progress(job.id, {"n": [1]})
    hands.commit(hands.take()[0], Completed({"r": "ü"}))
    assert done.wait(10)
    assert heard == {"progress": {"n": [1]}, "completed": {"r": "ü"}}


def test_a_listener_that_raises_does_not_stop_the_others(queue, make_events):
    events, heard = make_events(), threading.Event()

    def broken(event):
        raise RuntimeError("broken listener")

    events.on("added", broken)
    events.on("waiting", lambda event: heard.set())
    queue.add("x")
    assert heard.wait(10)


def test_a_listener_can_be_taken_away(queue, make_events):
    events, heard, last = make_events(), [], threading.Event()
    forget = events.on("added", heard.append)
    forget()
    events.on("waiting", lambda event: last.set())
    queue.add("x")
    assert last.wait(10)
    assert heard == []


def test_waiting_gives_the_value_of_a_job_that_finishes_later(queue, make_events, start_worker):
    events = make_events()
    job = queue.add("x", 20)
    start_worker(lambda delivery: delivery.data + 1)
    assert events.wait_until_finished(job.id, timeout=10) == 21


def test_waiting_gives_the_value_of_a_job_that_finished_before(queue, make_events, hands):
    job = queue.add("x")
    hands.commit(hands.take()[0], Completed([1]))
    assert make_events().wait_until_finished(job.id, timeout=10) == [1]


def test_waiting_raises_the_reason_of_a_failure(queue, make_events, hands):
    job = queue.add("x")
    hands.commit(hands.take()[0], Failed("boom"))
    with pytest.raises(JobFailed, match="boom") as raised:
        make_events().wait_until_finished(job.id, timeout=10)
    assert (raised.value.job_id, raised.value.reason) == (job.id, "boom")


def test_the_value_of_a_job_that_is_removed_at_once_still_arrives(queue, make_events, start_worker):
    events = make_events()
    job = queue.add("x", 1, remove_on_complete=True)
    start_worker(lambda delivery: "value")
    assert events.wait_until_finished(job.id, timeout=10) == "value"


def test_waiting_ends_at_its_timeout(queue, make_events):
    job = queue.add("x")
    with pytest.raises(WaitTimeout, match=r"job 1 did not finish within 0\.05 s"):
        make_events().wait_until_finished(job.id, timeout=0.05)


def test_waiting_for_a_job_that_never_was_says_so(make_events):
    with pytest.raises(JobNotFound, match="nobody"):
        make_events().wait_until_finished("nobody", timeout=5)


class Heard:
    """Collects events until one of a certain name comes."""

    def __init__(self, events, last="end"):
        self.events, self._last = [], threading.Event()
        events.on("*", self._listen)
        self._name = last

    def _listen(self, event):
        if event.name == self._name:
            self._last.set()
        else:
            self.events.append(event)

    def wait(self):
        """All of them."""
        assert self._last.wait(10)
        return self.events


class TestListening:
    """QueueEvents.on, once and where a reader begins."""

    def test_a_listener_of_one_job_hears_that_job_alone(self, queue, make_events, publisher):
        events = make_events()
        mine, heard = [], Heard(events)
        events.on("waiting:2", mine.append)
        for _ in range(3):
            queue.add("x")
        publisher.publish_event("end")
        heard.wait()
        assert [event.job_id for event in mine] == ["2"]

    def test_once_is_once(self, queue, make_events, publisher):
        events = make_events()
        first, never, heard = [], [], Heard(events)
        events.once("added", first.append)
        events.once("added", never.append)()
        for _ in range(3):
            queue.add("x")
        publisher.publish_event("end")
        heard.wait()
        assert [event.job_id for event in first] == ["1"]
        assert never == []

    def test_a_reader_may_begin_at_an_earlier_entry(self, queue, stored, make_events, publisher):
        for name in ("a", "b"):
            queue.add(name)
        second = stored.run("XRANGE", stored.keys.events, "-", "+")[1][0].decode()
        events = make_events(start=False, last_event_id=second)
        heard = Heard(events)
        events.start()
        publisher.publish_event("end")
        assert [(event.name, event.job_id) for event in heard.wait()] == [
            ("added", "2"),
            ("waiting", "2"),
        ]

    def test_a_dollar_is_from_now_on(self, queue, make_events, publisher):
        queue.add("before")
        heard = Heard(make_events(last_event_id="$", blocking_timeout=50))
        queue.add("after")
        publisher.publish_event("end")
        assert {event.job_id for event in heard.wait()} == {"2"}

    def test_an_idle_reader_misses_nothing_between_two_reads(self, queue, make_events, publisher):
        heard = Heard(make_events(blocking_timeout=1))
        for _ in range(50):
            queue.add("x")
        publisher.publish_event("end")
        assert len(heard.wait()) == 100

    @pytest.mark.parametrize("reader", [QueueEvents, AsyncQueueEvents])
    def test_a_reader_outlives_its_connection_and_misses_nothing(self, reader, queue_name, loop):
        with ServerProcess() as server, Queue(queue_name, url=server.url) as queue:
            events = reader(queue_name, url=server.url)
            if reader is AsyncQueueEvents:
                events = Awaited(events, loop)
            heard = Heard(events)
            events.start()
            queue.add("before")
            wait_until(lambda: len(heard.events) == 2)
            queue.driver.execute(("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
            queue.add("after")
            with QueueEventsProducer(queue_name, url=server.url) as publisher:
                publisher.publish_event("end")
            assert [event.job_id for event in heard.wait()] == ["1", "1", "2", "2"]
            events.close()

    def test_errors_in_a_row_make_the_pauses_longer(self):
        stream = Stream("bull:q:events", None, 1000)
        pauses = [stream.pause() for _ in range(20)]
        assert pauses == sorted(pauses)
        assert (pauses[0], pauses[-1]) == (0.1, 5.0)
        stream.dispatch(None)
        assert stream.pause() == 0.1

    @pytest.mark.parametrize("timeout", [0, -1, 1.5, "10"])
    def test_a_wrong_blocking_timeout_is_refused(self, make_events, timeout):
        with pytest.raises(InvalidOption, match="blocking_timeout"):
            make_events(blocking_timeout=timeout)

    def test_the_due_time_of_a_delayed_job_is_a_number(self, queue, make_events, publisher):
        heard = Heard(make_events())
        job = queue.add("x", delay=60_000)
        publisher.publish_event("end")
        delayed = next(event for event in heard.wait() if event.name == "delayed")
        assert delayed.value == job.timestamp + 60_000

    def test_drained_is_about_no_job(self, queue, make_events, publisher, hands):
        heard = Heard(make_events())
        queue.add("x")
        hands.commit(hands.take()[0], Completed(1))
        publisher.publish_event("end")
        drained = next(event for event in heard.wait() if event.name == "drained")
        assert (drained.job_id, drained.fields, drained.value) == ("", {}, None)

    @pytest.mark.parametrize("rubbish", [b"{nonsense", b"\xff\xfe", b"[" * 20_000, b"", b"NaN"])
    def test_rubbish_of_others_ends_no_reader(self, queue, make_events, stored, publisher, rubbish):
        heard = Heard(make_events())
        for name, field in (
            ("progress", "data"),
            ("completed", "returnvalue"),
            ("delayed", "delay"),
        ):
            stored.run("XADD", stored.keys.events, "*", "event", name, "jobId", "1", field, rubbish)
        stored.run("XADD", stored.keys.events, "*", "no", "event")
        stored.run("XADD", stored.keys.events, "*", "event", rubbish, "jobId", rubbish)
        publisher.publish_event("end")
        events = heard.wait()
        assert [event.name for event in events[:4]] == ["progress", "completed", "delayed", ""]
        assert len(events) == 5
        if rubbish != b"NaN":
            assert [event.value for event in events] == [None] * 5

    def test_a_reader_is_named_for_others(self, make_events, driver, url):
        make_events()
        if url.startswith("redis"):
            wait_until(lambda: b":qe " in driver.execute(("CLIENT", "LIST")))


class TestPublishing:
    """Events of one's own."""

    def test_they_are_heard_with_their_fields(self, make_events, publisher):
        heard = Heard(make_events())
        fields = {"jobId": "7", "text": "ü", "number": 1.5, "flag": True, "deep": {"a": [None]}}
        entry = publisher.publish_event("bounced", fields)
        publisher.publish_event("end")
        (event,) = heard.wait()
        assert (event.id, event.name, event.job_id) == (entry, "bounced", "7")
        assert event.fields == {
            "text": "ü",
            "number": "1.5",
            "flag": "true",
            "deep": '{"a":[null]}',
        }

    def test_an_event_needs_no_fields(self, make_events, publisher):
        heard = Heard(make_events())
        publisher.publish_event("ping")
        publisher.publish_event("end")
        (event,) = heard.wait()
        assert (event.name, event.fields) == ("ping", {})

    def test_the_stream_stays_short(self, publisher, stored):
        for n in range(300):
            publisher.publish_event("tick", {"n": n}, max_events=10)
        assert stored.run("XLEN", stored.keys.events) < 200

    @pytest.mark.parametrize(
        ("name", "fields"),
        [
            ("", {}),
            (None, {}),
            ("x", {"event": "y"}),
            ("x", {"": "y"}),
            ("x", {1: "y"}),
            ("x", {"a": "\ud800"}),
            ("\ud800", {}),
            ("progress", {"data": "no json"}),
            ("completed", {"returnvalue": "{"}),
        ],
        ids=repr,
    )
    def test_what_cannot_be_an_event_is_refused(self, publisher, stored, name, fields):
        with pytest.raises(InvalidOption):
            publisher.publish_event(name, fields)
        assert stored.events() == []

    def test_values_without_json_form_and_wrong_lengths_are_refused(self, publisher, stored):
        with pytest.raises(UnserializableData, match="the field 'a'"):
            publisher.publish_event("x", {"a": object()})
        with pytest.raises(InvalidOption, match="max_events"):
            publisher.publish_event("x", max_events=-1)
        assert stored.events() == []
